"""Policy packs that officers publish.

Revision: 0002
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0002"
down_revision = "0001"

MOMENT = Moment()


def upgrade() -> None:
    """The table of publications: two officers and a date."""
    op.create_table(
        "policy_publications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pack", sa.String(length=60), nullable=False),
        sa.Column("version", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("effective", sa.Date(), nullable=False),
        sa.Column("proposed_by", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("approved_by", sa.String(length=100), nullable=True),
        sa.Column("approved_at", MOMENT, nullable=True),
        sa.CheckConstraint("approved_by <> proposed_by", name="ck_policy_publications_two_officers"),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL)", name="ck_policy_publications_approval"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_policy_publications"),
        sa.UniqueConstraint("pack", "version", name="uq_policy_publications_pack_version"),
    )
