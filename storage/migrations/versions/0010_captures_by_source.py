"""Captures are found by their source.

Revision: 0010
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """An index for the latest answer of each source."""
    op.create_index("ix_captures_source_fetched_at", "captures", ["source", "fetched_at"])
