"""What people have to do with cases: reviews, proposals, questions, notes, appeals, waivers.

Revision: 0008
"""

import sqlalchemy as sa
from alembic import op

from pipeline.calendar import add_business_days, day_of, end_of
from storage.tables import Moment

revision = "0008"
down_revision = "0007"

MOMENT = Moment()
DAYS = 10


def upgrade() -> None:
    """The tables, and a place in the queue for each case that is with people now."""
    op.create_table(
        "notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.String(length=16), nullable=False),
        sa.Column("written_by", sa.String(length=100), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_notes_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    op.create_index("ix_notes_case_id", "notes", ["case_id"], unique=False)
    op.create_table(
        "proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=16), nullable=False),
        sa.Column("because", sa.String(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.String(length=71), nullable=False),
        sa.Column("proposed_by", sa.String(length=100), nullable=False),
        sa.Column("proposed_at", MOMENT, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("closed_by", sa.String(length=100), nullable=True),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.CheckConstraint("(state = 'pending') = (closed_at IS NULL)", name="ck_proposals_closed"),
        sa.CheckConstraint(
            "state <> 'confirmed' OR closed_by <> proposed_by", name="ck_proposals_two_people"
        ),
        sa.CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="ck_proposals_closer"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_proposals_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )
    op.create_index("ix_proposals_case_id", "proposals", ["case_id"], unique=False)
    op.create_index(
        "ix_proposals_one_pending",
        "proposals",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "review_reasons",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_review_reasons_case_id"),
        sa.PrimaryKeyConstraint("case_id", "rule", name="pk_review_reasons"),
    )
    op.create_index("ix_review_reasons_reason", "review_reasons", ["reason"], unique=False)
    op.create_table(
        "review_stops",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("waits_for", sa.String(length=16), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_review_stops_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_review_stops"),
    )
    op.create_index("ix_review_stops_case_id", "review_stops", ["case_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("referred_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("target_days", sa.Integer(), nullable=False),
        sa.Column("track", sa.String(length=60), nullable=False),
        sa.Column("buyers", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.String(length=16), nullable=True),
        sa.Column("stopped_at", MOMENT, nullable=True),
        sa.Column("remaining", sa.Integer(), nullable=True),
        sa.Column("assignee", sa.String(length=100), nullable=True),
        sa.Column("claimed_until", MOMENT, nullable=True),
        sa.Column("resumes_on", sa.Date(), nullable=True),
        sa.CheckConstraint("(stopped_at IS NULL) = (remaining IS NULL)", name="ck_reviews_clock"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_reviews_case_id"),
        sa.PrimaryKeyConstraint("case_id", name="pk_reviews"),
    )
    op.create_index(
        "ix_reviews_queue",
        "reviews",
        ["due_at", "case_id"],
        unique=False,
        sqlite_where=sa.text("waits_for IS NOT NULL"),
        postgresql_where=sa.text("waits_for IS NOT NULL"),
    )
    op.create_table(
        "vendor_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.String(length=71), nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_vendor_messages_case_id"),
        sa.ForeignKeyConstraint(["sender_id"], ["senders.id"], name="fk_vendor_messages_sender_id"),
        sa.PrimaryKeyConstraint("id", name="pk_vendor_messages"),
        sa.UniqueConstraint("sender_id", "message_id", name="uq_vendor_messages_sender_id_message_id"),
    )
    op.create_index("ix_vendor_messages_case_id", "vendor_messages", ["case_id"], unique=False)
    op.create_table(
        "waivers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_scheme", sa.String(length=16), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("product_code", sa.String(length=60), nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column("grounds", sa.String(length=71), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("granted_at", MOMENT, nullable=False),
        sa.CheckConstraint("kind <> 'override' OR until IS NOT NULL", name="ck_waivers_override_ends"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_waivers_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_waivers"),
    )
    op.create_index(
        "ix_waivers_product", "waivers", ["vendor_scheme", "vendor_id", "product_code"], unique=False
    )
    op.create_table(
        "appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.Column("against", sa.String(length=16), nullable=False),
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
        sa.UniqueConstraint("case_id", "decision", "against", name="uq_appeals_case_id_decision_against"),
    )
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.String(length=100), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("closed_at", MOMENT, nullable=True),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(outcome = 'open') = (closed_at IS NULL)", name="ck_questions_closed"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_questions_case_id"),
        sa.ForeignKeyConstraint(["message_id"], ["vendor_messages.id"], name="fk_questions_message_id"),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
    )
    op.create_index("ix_questions_case_id", "questions", ["case_id"], unique=False)

    _take_in_what_is_referred()


def _take_in_what_is_referred() -> None:
    cases = sa.table(
        "cases", sa.column("id", sa.Uuid()), sa.column("state", sa.String()), sa.column("changed_at", MOMENT)
    )
    reviews = sa.table(
        "reviews",
        sa.column("case_id", sa.Uuid()),
        sa.column("referred_at", MOMENT),
        sa.column("due_at", MOMENT),
        sa.column("target_days", sa.Integer()),
        sa.column("track", sa.String()),
        sa.column("buyers", sa.Text()),
        sa.column("waits_for", sa.String()),
    )
    referred = op.get_bind().execute(
        sa.select(cases.c.id, cases.c.changed_at).where(cases.c.state == "referred")
    )
    rows = [
        {
            "case_id": row.id,
            "referred_at": row.changed_at,
            "due_at": end_of(add_business_days(day_of(row.changed_at), DAYS)),
            "target_days": DAYS,
            "track": "",
            "buyers": "  ",
            "waits_for": "reviewer",
        }
        for row in referred
    ]
    if rows:
        op.bulk_insert(reviews, rows)
