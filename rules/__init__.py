"""Rules: policy packs in YAML, judged over frozen facts. Pure: no clock, no network, no database.

``facts`` turns an application and its evidence into a facts document; ``packs/`` holds the policies;
``loader`` reads and checks them; ``layers`` joins base, buyers and tracks; ``conditions`` compiles what
rules require; ``ruleset`` judges; ``names`` compares company names; ``policy`` is the door to the
pipeline.
"""
