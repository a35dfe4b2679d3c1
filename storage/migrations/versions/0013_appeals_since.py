"""An appeal is against one rejection or one suspension: since when that stood is part of its name.

A listing may be suspended again under the same decision, and that may be appealed against again.

Revision: 0013
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0013"
down_revision = "0012"

MOMENT = Moment()


def upgrade() -> None:
    """The table anew, with what was in it: SQLite cannot change a constraint."""
    kept = sa.table(
        "appeals",
        sa.column("id", sa.Uuid()),
        sa.column("case_id", sa.Uuid()),
        sa.column("decision", sa.Integer()),
        sa.column("against", sa.String()),
        sa.column("policy", sa.LargeBinary()),
        sa.column("message_id", sa.Uuid()),
        sa.column("submitted_at", MOMENT),
        sa.column("state", sa.String()),
        sa.column("decided_by", sa.String()),
        sa.column("decided_at", MOMENT),
    )
    found = op.get_bind().execute(sa.select(kept)).mappings()
    rows = [{**row, "since": row["submitted_at"]} for row in found]
    op.drop_table("appeals")
    appeals = op.create_table(
        "appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("against", sa.String(length=16), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("policy", sa.LargeBinary(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("submitted_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.Column("decided_at", MOMENT, nullable=True),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="ck_appeals_decided"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_appeals_case_id"),
        sa.ForeignKeyConstraint(["message_id"], ["vendor_messages.id"], name="fk_appeals_message_id"),
        sa.PrimaryKeyConstraint("id", name="pk_appeals"),
        sa.UniqueConstraint(
            "case_id", "decision", "against", "since", name="uq_appeals_case_id_decision_against_since"
        ),
    )
    if rows:
        op.bulk_insert(appeals, rows)
