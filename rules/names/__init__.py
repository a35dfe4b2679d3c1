"""Company names: are these two the same, and why."""

from rules.names.comparison import Comparison, Reason, best, compare

__all__ = ["Comparison", "Reason", "best", "compare"]
