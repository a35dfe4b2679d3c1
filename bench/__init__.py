"""Measurements against what one would otherwise write: ``python -m bench``, explained in ``docs/bench.md``.

``canvas`` and ``bare`` are the alternatives, ``machines`` starts them and Sekisho side by side, ``client``
sends to them, ``throughput`` and ``intake`` measure, ``report`` prints. Not part of the distribution.
"""
