"""A mirror of the corporate-number register on the own machine: ``docs/decisions/0005``."""

from storage.mirror.importing import Importer, ImportRunning, Outcome
from storage.mirror.keys import Keys
from storage.mirror.mirror import LONGEST_PAUSE, ImportedFile, Mirror, MirrorUnusable
from storage.mirror.search import Hit, Match

__all__ = [
    "LONGEST_PAUSE",
    "Hit",
    "ImportRunning",
    "ImportedFile",
    "Importer",
    "Keys",
    "Match",
    "Mirror",
    "MirrorUnusable",
    "Outcome",
]
