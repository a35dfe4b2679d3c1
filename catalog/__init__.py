"""The buyers' side of the catalog: whatever reads Sekisho's listings as any consumer would.

Nothing here imports the other packages; it reaches them only over HTTP. ``client`` follows the feed.
"""
