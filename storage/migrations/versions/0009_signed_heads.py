"""Signed heads of the journal, and the public halves of the keys that signed.

Revision: 0009
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0009"
down_revision = "0008"

MOMENT = Moment()
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "journal_signed_heads",
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("peaks", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_journal_signed_heads"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(length=43), nullable=False),
        sa.Column("material", sa.LargeBinary(), nullable=False),
        sa.Column("first_used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
    )
