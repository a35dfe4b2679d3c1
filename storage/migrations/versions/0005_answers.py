"""Answers that are used again while fresh.

Revision: 0005
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What each check asked, whether its answer is another case's, and the latest answer to each question."""
    op.add_column("checks", sa.Column("question", sa.String(length=71), nullable=False, server_default=""))
    op.add_column("checks", sa.Column("reused", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "answers",
        sa.Column("question", sa.String(length=71), nullable=False),
        sa.Column("capture_id", sa.Uuid(), nullable=False),
        sa.Column("fetched_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("question", name="pk_answers"),
    )
    lane = sa.text("source IS NOT NULL")
    op.create_index(
        "ix_steps_source", "steps", ["source", "due_at"], sqlite_where=lane, postgresql_where=lane
    )
