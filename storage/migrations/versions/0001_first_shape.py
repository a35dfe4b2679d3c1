"""The first shape.

Revision: 0001
"""

import sqlalchemy as sa
from alembic import op

from storage.tables import Moment

revision = "0001"
down_revision = None

MOMENT = Moment()


def upgrade() -> None:
    """The first shape."""
    op.create_table(
        "capture_bodies",
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_capture_bodies"),
    )
    op.create_table(
        "dossiers",
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_dossiers"),
    )
    op.create_table(
        "feed_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("id = 1", name="ck_feed_head_one_row"),
        sa.PrimaryKeyConstraint("id", name="pk_feed_head"),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("acted_by", sa.String(length=100), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_journal"),
    )
    op.create_index("ix_journal_case_id", "journal", ["case_id"], unique=False)
    op.create_table(
        "listings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("vendor_scheme", sa.String(length=16), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("product_code", sa.String(length=60), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_listings"),
        sa.UniqueConstraint(
            "vendor_scheme",
            "vendor_id",
            "product_code",
            name="uq_listings_vendor_scheme_vendor_id_product_code",
        ),
    )
    op.create_table(
        "senders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_sha256", sa.String(length=71), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("disabled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_senders"),
        sa.UniqueConstraint("name", name="uq_senders_name"),
        sa.UniqueConstraint("token_sha256", name="uq_senders_token_sha256"),
    )
    op.create_table(
        "applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.String(length=71), nullable=False),
        sa.Column("supersedes", sa.Uuid(), nullable=True),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["sender_id"], ["senders.id"], name="fk_applications_sender_id"),
        sa.ForeignKeyConstraint(["supersedes"], ["applications.id"], name="fk_applications_supersedes"),
        sa.PrimaryKeyConstraint("id", name="pk_applications"),
        sa.UniqueConstraint("sender_id", "message_id", name="uq_applications_sender_id_message_id"),
    )
    op.create_table(
        "sender_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=False),
        sa.Column("scheme", sa.String(length=3), nullable=False),
        sa.Column("key_material", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("retires_at", MOMENT, nullable=True),
        sa.CheckConstraint("scheme IN ('v1', 'v1a')", name="ck_sender_keys_scheme"),
        sa.ForeignKeyConstraint(["sender_id"], ["senders.id"], name="fk_sender_keys_sender_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sender_keys"),
    )
    op.create_index("ix_sender_keys_sender_id", "sender_keys", ["sender_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outstanding", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("vendor_name", sa.Text(), nullable=False),
        sa.Column("vendor_scheme", sa.String(length=16), nullable=False),
        sa.Column("vendor_id", sa.String(length=64), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.CheckConstraint("outstanding >= 0", name="ck_cases_outstanding"),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name="fk_cases_application_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
        sa.UniqueConstraint("application_id", name="uq_cases_application_id"),
        sa.UniqueConstraint("reference", name="uq_cases_reference"),
    )
    op.create_index("ix_cases_state_changed_at", "cases", ["state", "changed_at"], unique=False)
    op.create_index("ix_cases_vendor", "cases", ["vendor_scheme", "vendor_id"], unique=False)
    op.create_table(
        "captures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("fetched_at", MOMENT, nullable=False),
        sa.Column("sha256", sa.String(length=71), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_captures_case_id"),
        sa.ForeignKeyConstraint(["sha256"], ["capture_bodies.sha256"], name="fk_captures_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_captures"),
    )
    op.create_index("ix_captures_case_id", "captures", ["case_id"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("dossier_sha256", sa.String(length=71), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_decisions_case_id"),
        sa.ForeignKeyConstraint(["dossier_sha256"], ["dossiers.sha256"], name="fk_decisions_dossier_sha256"),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("case_id", "number", name="uq_decisions_case_id_number"),
    )
    op.create_table(
        "listing_versions",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("published_at", MOMENT, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("document_sha256", sa.String(length=71), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_listing_versions_case_id"),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name="fk_listing_versions_listing_id"),
        sa.PrimaryKeyConstraint("listing_id", "version", name="pk_listing_versions"),
        sa.UniqueConstraint("case_id", name="uq_listing_versions_case_id"),
    )
    op.create_table(
        "steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=12), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_steps_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
    )
    op.create_index("ix_steps_case_id", "steps", ["case_id"], unique=False)
    op.create_index("ix_steps_due_at", "steps", ["due_at"], unique=False)
    op.create_table(
        "checks",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("subject_scheme", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=64), nullable=False),
        sa.Column("subject_name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=True),
        sa.Column("capture_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["capture_id"], ["captures.id"], name="fk_checks_capture_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_checks_case_id"),
        sa.PrimaryKeyConstraint("case_id", "source", "role", name="pk_checks"),
    )
    op.create_table(
        "listing_changes",
        sa.Column(
            "position",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["listing_id", "version"],
            ["listing_versions.listing_id", "listing_versions.version"],
            name="fk_listing_changes_listing_id_version",
        ),
        sa.PrimaryKeyConstraint("position", name="pk_listing_changes"),
    )
    op.execute("INSERT INTO feed_head (id, position) VALUES (1, 0)")
