"""Storage: the memory of the pipeline on SQLAlchemy, the same on SQLite and PostgreSQL.

``database`` opens it, ``tables`` is its shape, ``memory`` implements the core's transaction port with one
module a word (``applications``, ``cases``, ``ledger``, …), ``migrations`` brings an older database up to
date.
"""
