"""The shape of the database, one table a word of the model. Changes go through ``storage/migrations``.

All moments are aware and in UTC. Documents that are named by digest are kept as their canonical bytes, so
that the digest can be computed again from what is stored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
)


class Moment(TypeDecorator[datetime]):
    """An aware moment in UTC. PostgreSQL keeps the zone; SQLite has none: it is taken off and put on."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values: they would silently mean another moment."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Aware and in UTC on both databases."""
        if value is None:
            return None
        moment: datetime = value
        return moment.astimezone(UTC) if dialect.name == "postgresql" else moment.replace(tzinfo=UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

DIGEST = String(71)
"""``sha256:`` and 64 hexadecimal digits."""

POSITION = BigInteger().with_variant(Integer, "sqlite")

senders = Table(
    "senders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("token_sha256", DIGEST, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
)

sender_keys = Table(
    "sender_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sender_id", Uuid, ForeignKey("senders.id"), nullable=False, index=True),
    # Standard Webhooks: v1 is a shared secret, v1a an Ed25519 public key. Secrets are encrypted at rest.
    Column("scheme", String(3), nullable=False),
    Column("key_material", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("retires_at", Moment),
    CheckConstraint("scheme IN ('v1', 'v1a')", name="scheme"),
)

applications = Table(
    "applications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sender_id", Uuid, ForeignKey("senders.id"), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_sha256", DIGEST, nullable=False),
    Column("supersedes", Uuid, ForeignKey("applications.id")),
    Column("received_at", Moment, nullable=False),
    # What the personal parts are sealed with (``pipeline.personal``). Empty: they are erased.
    Column("salt", LargeBinary, nullable=False),
    Column("erased_at", Moment),
    # A sender's message id is kept for good: the same message, however late, opens no second case.
    UniqueConstraint("sender_id", "message_id"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("reference", String(12), nullable=False, unique=True),
    Column("application_id", Uuid, ForeignKey("applications.id"), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("outstanding", Integer, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("vendor_name", Text, nullable=False),
    Column("vendor_scheme", String(16), nullable=False),
    Column("vendor_id", String(64), nullable=False),
    Column("product_name", Text, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    CheckConstraint("outstanding >= 0", name="outstanding"),
    Index("ix_cases_state_changed_at", "state", "changed_at"),
    Index("ix_cases_vendor", "vendor_scheme", "vendor_id"),
)

steps = Table(
    "steps",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("reference", String(12), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("source", String(64)),
    Column("role", String(16)),
    Column("due_at", Moment, nullable=False, index=True),
    Column("sends", Integer, nullable=False),
)
Index(
    "ix_steps_source",
    steps.c.source,
    steps.c.due_at,
    sqlite_where=steps.c.source.is_not(None),
    postgresql_where=steps.c.source.is_not(None),
)

capture_bodies = Table(
    "capture_bodies",
    metadata,
    Column("sha256", DIGEST, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

captures = Table(
    "captures",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("source", String(64), nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("fetched_at", Moment, nullable=False),
    Column("sha256", DIGEST, ForeignKey("capture_bodies.sha256"), nullable=False),
    Index("ix_captures_source_fetched_at", "source", "fetched_at"),
)

checks = Table(
    "checks",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("source", String(64), primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("subject_scheme", String(16), nullable=False),
    Column("subject_id", String(64), nullable=False),
    Column("subject_name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("next_try_at", Moment),
    Column("capture_id", Uuid, ForeignKey("captures.id")),
    Column("question", DIGEST, nullable=False, server_default=""),
    Column("reused", Boolean, nullable=False, server_default=false()),
)

answers = Table(
    "answers",
    metadata,
    # The latest answer to each question, whichever case asked it. Not a foreign key: a capture that is erased
    # is simply not used again.
    Column("question", DIGEST, primary_key=True),
    Column("capture_id", Uuid, nullable=False),
    Column("fetched_at", Moment, nullable=False),
)

dossiers = Table(
    "dossiers",
    metadata,
    Column("sha256", DIGEST, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("decided_by", String(100), nullable=False),
    Column("decided_at", Moment, nullable=False),
    Column("dossier_sha256", DIGEST, ForeignKey("dossiers.sha256"), nullable=False),
    Column("outcome", LargeBinary, nullable=False),
    # Exactly one first decision, one second, …: whoever comes twice is refused here.
    UniqueConstraint("case_id", "number"),
)

listings = Table(
    "listings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_scheme", String(16), nullable=False),
    Column("vendor_id", String(64), nullable=False),
    Column("product_code", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    # The latest change: its kind says whether the listing is in the catalog, and why it is not.
    Column("standing", String(16), nullable=False, server_default="published"),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("changed_at", Moment),
    Column("position", POSITION, nullable=False, server_default="0"),
    Column("valid_until", Date),
    # When the sweeper takes it out: the day after ``valid_until`` begins in Japan. None while it is out.
    Column("expires_at", Moment, index=True),
    UniqueConstraint("vendor_scheme", "vendor_id", "product_code"),
)

listing_versions = Table(
    "listing_versions",
    metadata,
    Column("listing_id", Uuid, ForeignKey("listings.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, unique=True),
    Column("published_at", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("document_sha256", DIGEST, nullable=False),
)

feed_head = Table(
    "feed_head",
    metadata,
    # One row. Whoever publishes takes the next position from it and holds its lock until the commit, so that
    # positions are given in commit order without gaps.
    Column("id", Integer, primary_key=True),
    Column("position", POSITION, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

listing_changes = Table(
    "listing_changes",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("listing_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    ForeignKeyConstraint(
        ["listing_id", "version"], ["listing_versions.listing_id", "listing_versions.version"]
    ),
)

policy_publications = Table(
    "policy_publications",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("pack", String(60), nullable=False),
    Column("version", String(20), nullable=False),
    Column("digest", DIGEST, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("effective", Date, nullable=False),
    Column("proposed_by", String(100), nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("approved_by", String(100)),
    Column("approved_at", Moment),
    # Four eyes, whoever writes. Names of officers are kept in one form (``tasks.policies``): they compare.
    CheckConstraint("approved_by <> proposed_by", name="two_officers"),
    CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approval"),
    # An outcome cites name and version: there is one pack of that name.
    UniqueConstraint("pack", "version"),
)

journal = Table(
    "journal",
    metadata,
    # An entry is made of these and of the digests before it (``pipeline.journal.Entry``).
    Column("position", POSITION, primary_key=True, autoincrement=False),
    Column("case_id", Uuid, nullable=False),
    Column("name", String(64), nullable=False),
    Column("acted_by", String(100), nullable=False),
    Column("at", Moment, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    Index("ix_journal_case", "case_id", "position"),
)

journal_head = Table(
    "journal_head",
    metadata,
    # One row, as the feed's. It is locked as the last thing in a transaction, after the feed's.
    Column("id", Integer, primary_key=True),
    Column("position", POSITION, nullable=False),
    Column("sha256", DIGEST, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

journal_signed_heads = Table(
    "journal_signed_heads",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=False),
    Column("sha256", DIGEST, nullable=False),
    Column("at", Moment, nullable=False),
    # Roots of the tree's perfect subtrees, 32 bytes each (``pipeline.merkle.Growth``).
    Column("peaks", LargeBinary, nullable=False),
    Column("token", Text, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    # Public halves only. What they signed is verified with them long after the secret half is gone.
    Column("id", String(43), primary_key=True),
    Column("material", LargeBinary, nullable=False),
    Column("first_used_at", Moment, nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    # Where the journal has the decision: whoever signs goes on behind the newest.
    Column("position", POSITION, primary_key=True, autoincrement=False),
    Column("decision_id", Uuid, ForeignKey("decisions.id"), nullable=False, unique=True),
    Column("sha256", DIGEST, nullable=False, unique=True),
    Column("token", Text, nullable=False),
)

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("kind", String(8), nullable=False),
    # Of kind ``sender``: whose applications it is told of. One endpoint a sender.
    Column("sender_id", Uuid, ForeignKey("senders.id"), unique=True),
    Column("url", Text, nullable=False),
    Column("state", String(8), nullable=False),
    # Why it is disabled: a closed code.
    Column("reason", String(16), nullable=False),
    Column("ordered", Boolean, nullable=False),
    # Of kind ``catalog``: the feed position up to which deliveries are written.
    Column("cursor", POSITION, nullable=False),
    # The breaker: failures in succession, since when, and until when nothing is sent.
    Column("failures", Integer, nullable=False),
    Column("failing_since", Moment),
    Column("rests_until", Moment),
    # Who sends just now, and until when; whoever comes with another lease is late and writes nothing.
    Column("lease", Uuid),
    Column("busy_until", Moment, nullable=False),
    Column("sends", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("changed_at", Moment, nullable=False),
    CheckConstraint("kind IN ('catalog', 'sender')", name="kind"),
    CheckConstraint("state IN ('pending', 'active', 'disabled')", name="state"),
    CheckConstraint("(kind = 'sender') = (sender_id IS NOT NULL)", name="of_sender"),
)

subscriber_keys = Table(
    "subscriber_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False, index=True),
    # What we sign with: v1 a shared secret, v1a the seed of an Ed25519 key. Encrypted at rest.
    Column("scheme", String(3), nullable=False),
    Column("key_material", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("retires_at", Moment),
    CheckConstraint("scheme IN ('v1', 'v1a')", name="scheme"),
)

deliveries = Table(
    "deliveries",
    metadata,
    # The webhook-id, the same over all tries.
    Column("id", Uuid, primary_key=True),
    Column("subscriber_id", Uuid, ForeignKey("subscribers.id"), nullable=False),
    # ``listing`` or ``application``, and the id of it.
    Column("about", String(12), nullable=False),
    Column("subject", Uuid, nullable=False),
    # What orders the deliveries of one subject: the feed's position, or the case's version.
    Column("sequence", POSITION, nullable=False),
    Column("version", Integer, nullable=False),
    # What happened: the feed's kind, or the case's new state.
    Column("kind", String(16), nullable=False),
    Column("occurred_at", Moment, nullable=False),
    Column("state", String(10), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("settled_at", Moment),
    CheckConstraint("state IN ('pending', 'delivered', 'exhausted', 'skipped')", name="state"),
    # Each change is told of once, whoever plans it how often.
    UniqueConstraint("subscriber_id", "subject", "sequence"),
    Index("ix_deliveries_turn", "subscriber_id", "state", "sequence", "id"),
)

delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("delivery_id", Uuid, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("milliseconds", Integer, nullable=False),
    # The HTTP status, where there was one, and a closed code, empty for a success.
    Column("status", Integer),
    Column("reason", String(24), nullable=False),
    # The beginning of what a failure was answered with.
    Column("answer", LargeBinary, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    # In the one form in which names compare (``pipeline.people.normal_name``).
    Column("name", String(100), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    # Argon2id; empty for those who sign in at the identity provider only.
    Column("password_hash", String(255)),
    Column("must_change", Boolean, nullable=False),
    # Who this is there: the provider's issuer and subject, one digest. Bound at the first sign-in.
    Column("identity_sha256", DIGEST, unique=True),
    Column("attempts", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("disabled_at", Moment),
    CheckConstraint("role IN ('viewer', 'reviewer', 'officer', 'operator')", name="role"),
)

sessions = Table(
    "sessions",
    metadata,
    # The cookie holds the token; whoever reads the database cannot make a cookie of this.
    Column("token_sha256", DIGEST, primary_key=True),
    Column("account_id", Uuid, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("opened_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False, index=True),
)

reviews = Table(
    "reviews",
    metadata,
    # A case's place with people. It waits for nobody once it has left their hands.
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("referred_at", Moment, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("target_days", Integer, nullable=False),
    Column("track", String(60), nullable=False),
    # Codes with a space before and after each.
    Column("buyers", Text, nullable=False),
    Column("waits_for", String(16)),
    Column("stopped_at", Moment),
    Column("remaining", Integer),
    Column("assignee", String(100)),
    Column("claimed_until", Moment),
    Column("resumes_on", Date),
    CheckConstraint("(stopped_at IS NULL) = (remaining IS NULL)", name="clock"),
)
Index(
    "ix_reviews_queue",
    reviews.c.due_at,
    reviews.c.case_id,
    sqlite_where=reviews.c.waits_for.is_not(None),
    postgresql_where=reviews.c.waits_for.is_not(None),
)

review_reasons = Table(
    "review_reasons",
    metadata,
    Column("case_id", Uuid, ForeignKey("cases.id"), primary_key=True),
    Column("rule", String(60), primary_key=True),
    Column("reason", String(64), nullable=False, index=True),
)

review_stops = Table(
    "review_stops",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("waits_for", String(16), nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("ended_at", Moment),
)

proposals = Table(
    "proposals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("act", String(16), nullable=False),
    Column("because", String(32), nullable=False),
    Column("data", LargeBinary, nullable=False),
    # What the vendor is to be told: free text, which can be erased.
    Column("text", Text, nullable=False),
    Column("evidence_sha256", DIGEST, nullable=False),
    Column("proposed_by", String(100), nullable=False),
    Column("proposed_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("closed_by", String(100)),
    Column("closed_at", Moment),
    # Four eyes, whoever writes.
    CheckConstraint("state <> 'confirmed' OR closed_by <> proposed_by", name="two_people"),
    CheckConstraint("(state = 'pending') = (closed_at IS NULL)", name="closed"),
    CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closer"),
)
Index(
    "ix_proposals_one_pending",
    proposals.c.case_id,
    unique=True,
    sqlite_where=proposals.c.state == "pending",
    postgresql_where=proposals.c.state == "pending",
)

vendor_messages = Table(
    "vendor_messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sender_id", Uuid, ForeignKey("senders.id"), nullable=False),
    Column("message_id", String(255), nullable=False),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_sha256", DIGEST, nullable=False),
    Column("received_at", Moment, nullable=False),
    UniqueConstraint("sender_id", "message_id"),
)

questions = Table(
    "questions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("code", String(64), nullable=False),
    Column("about", String(200), nullable=False),
    Column("text", Text, nullable=False),
    Column("asked_by", String(100), nullable=False),
    Column("asked_at", Moment, nullable=False),
    Column("due_on", Date, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("closed_at", Moment),
    Column("message_id", Uuid, ForeignKey("vendor_messages.id")),
    CheckConstraint("(outcome = 'open') = (closed_at IS NULL)", name="closed"),
)

notes = Table(
    "notes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False, index=True),
    Column("audience", String(16), nullable=False),
    Column("written_by", String(100), nullable=False),
    Column("written_at", Moment, nullable=False),
    Column("text", Text, nullable=False),
)

appeals = Table(
    "appeals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("decision", Integer, nullable=False),
    Column("against", String(16), nullable=False),
    Column("since", Moment, nullable=False),
    Column("policy", LargeBinary, nullable=False),
    Column("message_id", Uuid, ForeignKey("vendor_messages.id"), nullable=False),
    Column("submitted_at", Moment, nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(100)),
    Column("decided_at", Moment),
    CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
    UniqueConstraint("case_id", "decision", "against", "since"),
)

waivers = Table(
    "waivers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("vendor_scheme", String(16), nullable=False),
    Column("vendor_id", String(64), nullable=False),
    Column("product_code", String(60), nullable=False),
    Column("rule", String(60), nullable=False),
    Column("grounds", DIGEST, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("until", Date),
    Column("case_id", Uuid, ForeignKey("cases.id"), nullable=False),
    Column("granted_at", Moment, nullable=False),
    CheckConstraint("kind <> 'override' OR until IS NOT NULL", name="override_ends"),
    Index("ix_waivers_product", "vendor_scheme", "vendor_id", "product_code"),
)

chores = Table(
    "chores",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("ended_at", Moment),
    Column("outcome", String(200), nullable=False),
)
