"""Listings go out of the catalog and come back; the feed has tombstones.

Revision: 0004
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import POSITION, Moment

revision = "0004"
down_revision = "0003"

MOMENT = Moment()


def upgrade() -> None:
    """What stands of each listing, and the reason of a change. Until here everything was published."""
    op.add_column("listing_changes", _reason())
    for column in (
        sa.Column("standing", sa.String(length=16), nullable=False, server_default="published"),
        _reason(),
        sa.Column("changed_at", MOMENT, nullable=True),
        sa.Column("position", POSITION, nullable=False, server_default="0"),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
    ):
        op.add_column("listings", column)
    op.create_index("ix_listings_expires_at", "listings", ["expires_at"], unique=False)
    op.execute(
        "UPDATE listings SET position = (SELECT max(position) FROM listing_changes"
        " WHERE listing_changes.listing_id = listings.id), changed_at = (SELECT max(occurred_at)"
        " FROM listing_changes WHERE listing_changes.listing_id = listings.id)"
        " WHERE EXISTS (SELECT 1 FROM listing_changes WHERE listing_changes.listing_id = listings.id)"
    )


def _reason() -> sa.Column[str]:
    return sa.Column("reason", sa.String(length=64), nullable=False, server_default="")
