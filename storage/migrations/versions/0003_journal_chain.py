"""The journal as a chain: what is in it is linked in the order in which it was written.

Revision: 0003
"""

from uuid import UUID

import orjson
import sqlalchemy as sa
from alembic import op

from pipeline.journal import EMPTY, Entry, Head, chain
from pipeline.model import Event
from storage.tables import Moment

revision = "0003"
down_revision = "0002"

MOMENT = Moment()
POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BATCH = 1000


def upgrade() -> None:
    """A new table behind which the old one's events are chained, and the head."""
    op.drop_index("ix_journal_case_id", "journal")
    op.rename_table("journal", "journal_unchained")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE journal_unchained RENAME CONSTRAINT pk_journal TO pk_journal_unchained")
    entries = op.create_table(
        "journal",
        sa.Column("position", POSITION, autoincrement=False, nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("acted_by", sa.String(length=100), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_journal"),
    )
    head = op.create_table(
        "journal_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", POSITION, nullable=False),
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_journal_head_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_journal_head"),
    )
    newest = _chain(entries)
    op.bulk_insert(head, [{"id": 1, "position": newest.position, "sha256": newest.sha256}])
    op.create_index("ix_journal_case", "journal", ["case_id", "position"], unique=False)
    op.drop_table("journal_unchained")


def _chain(entries: sa.Table) -> Head:
    old = sa.table(
        "journal_unchained",
        sa.column("id", sa.Uuid()),
        sa.column("case_id", sa.Uuid()),
        sa.column("name", sa.String()),
        sa.column("acted_by", sa.String()),
        sa.column("at", MOMENT),
        sa.column("data", sa.LargeBinary()),
    )
    head, after = EMPTY, None
    latest: dict[UUID, str] = {}
    while True:
        page = sa.select(old).order_by(old.c.id).limit(BATCH)
        rows = op.get_bind().execute(page if after is None else page.where(old.c.id > after)).all()
        if not rows:
            return head
        events = [Event(row.case_id, row.name, row.acted_by, row.at, orjson.loads(row.data)) for row in rows]
        chained = chain(head, events, latest)
        op.bulk_insert(entries, [_row(entry, row.data) for entry, row in zip(chained, rows, strict=True)])
        latest |= {entry.event.case_id: entry.sha256 for entry in chained}
        head, after = chained[-1].head, rows[-1].id


def _row(entry: Entry, data: bytes) -> dict[str, object]:
    event = entry.event
    return {
        "position": entry.position,
        "case_id": event.case_id,
        "name": event.name,
        "acted_by": event.by,
        "at": event.at,
        "data": data,
        "sha256": entry.sha256,
    }
