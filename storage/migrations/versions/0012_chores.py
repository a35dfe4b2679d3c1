"""Work that recurs.

Revision: 0012
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """One row for each piece of recurring work."""
    op.create_table(
        "chores",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("due_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_chores"),
    )
