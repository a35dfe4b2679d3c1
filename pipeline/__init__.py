"""The core of Sekisho: its words, its ports and one module a stage.

A vendor's application travels ``intake → collection → adjudication → publication``. Each stage is a function
that works in one transaction and *returns* the next step; it never queues it. The core imports the standard
library and pure libraries only. What it needs from the world (a database, sources, a policy, a clock) it
declares in :mod:`pipeline.ports`; ``tasks.bootstrap`` is where ports meet the adapters behind them.
"""
