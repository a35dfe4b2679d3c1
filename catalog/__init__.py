"""The buyers' side of the catalog: whatever reads Sekisho's listings as any consumer would.

Nothing here imports the other packages; it reaches them only over HTTP. ``client`` follows the feed into the
``index``, which keeps every version by catalog position; ``search`` and ``facets`` answer from it,
``selection`` makes the accountable record of a choice, ``site`` shows all of it in both languages.
"""
