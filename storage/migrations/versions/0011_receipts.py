"""Receipts of decisions; what the personal parts of applications are sealed with.

Revision: 0011
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0011"
down_revision = "0010"

MOMENT = Moment()
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

FRESH = {
    "sqlite": "randomblob(32)",
    # Of each identifier 122 bits are random.
    "postgresql": "decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')",
}


def upgrade() -> None:
    """One table, and a salt for each application."""
    op.create_table(
        "receipts",
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name="fk_receipts_decision_id_decisions"),
        sa.PrimaryKeyConstraint("position", name="pk_receipts"),
        sa.UniqueConstraint("decision_id", name="uq_receipts_decision_id"),
        sa.UniqueConstraint("sha256", name="uq_receipts_sha256"),
    )
    op.add_column(
        "applications", sa.Column("salt", sa.LargeBinary(), nullable=False, server_default=sa.text("''"))
    )
    op.add_column("applications", sa.Column("erased_at", MOMENT))
    op.execute(f"UPDATE applications SET salt = {FRESH[op.get_bind().dialect.name]}")  # noqa: S608 - ours
