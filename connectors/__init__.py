"""Connectors: one module a registry, which asks it (``fetch``) and reads what it answers (``parse``).

``transport`` is how every source is asked, ``connections`` and ``addresses`` what lies below it, ``limits``
how often all workers together ask. ``strict`` and ``schemas`` are how every answer is read, ``parties`` and
``identifiers`` about whom an application gives cause to ask. ``sources`` asks several connectors at once;
``installed`` lists them. A new source is one module and one line there. ``sandbox`` is a local server that
speaks the registries' formats.
"""
