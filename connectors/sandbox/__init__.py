"""The sandbox: registries on this machine that speak the real wire formats over invented companies.

:mod:`~connectors.sandbox.world` is what is true (companies), :mod:`~connectors.sandbox.registers` is how each
registry says it (one module a wire format), :mod:`~connectors.sandbox.faults` is what goes wrong on the way,
and :mod:`~connectors.sandbox.server` puts the three behind one port of 127.0.0.1::

    python -m connectors.sandbox --port 0 --announce sandbox.json
"""
