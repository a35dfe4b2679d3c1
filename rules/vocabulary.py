"""The facts that rules may name: each path, its kind, its meaning and where it comes from.

One table, from which the loader checks packs, :mod:`rules.facts` copies what an application declares, and
``python -m rules.vocabulary FILE`` writes ``docs/facts.md``.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a fact's value is. A value of another kind is unreadable, and so unknown, never converted."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TEXT = "text"
    CODE = "code"
    COUNTRY = "country"
    OBJECTS = "list of objects"


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. ``[]`` in ``path`` stands for every item of a list.

    ``origin`` says where the value comes from; where it begins with ``application:``, the rest is a path of
    the application, whose value is taken as it is. ``codes`` are the values that a code may have.
    ``checked_by`` are the sources that can verify or contradict it.
    """

    path: str
    kind: Kind
    meaning: str
    origin: str
    codes: tuple[str, ...] = ()
    checked_by: tuple[str, ...] = ()

    @property
    def copied_from(self) -> str | None:
        """The path of the application that this fact repeats, or None where it is worked out."""
        _, found, path = self.origin.partition("application:")
        return path if found else None


_CLASSES = ("content", "account", "backup", "telemetry", "support", "ai-prompt")
_DERIVED = "worked out from the application"
_REGISTER = "home register"
_SUSPENSIONS = "`jp.suspension`"
_SCREENING = "`screening.yente`"
_INVOICES = "`jp.invoice`"

FACTS: tuple[Fact, ...] = (
    Fact("vendor.country", Kind.COUNTRY, "country of the seller's seat", "application:vendor.country"),
    Fact(
        "vendor.role",
        Kind.CODE,
        "sells its own right or resells",
        "application:vendor.role",
        ("direct", "reseller"),
    ),
    Fact("vendor.is_manufacturer", Kind.BOOLEAN, "makes the product", "application:vendor.is_manufacturer"),
    Fact("vendor.name", Kind.TEXT, "registered name as declared", "application:vendor.name"),
    Fact("vendor.corporate_number", Kind.TEXT, "corporate number (JP-JCN) as declared", _DERIVED),
    Fact("vendor.lei", Kind.TEXT, "legal entity identifier (XI-LEI) as declared", _DERIVED),
    Fact(
        "vendor.sme",
        Kind.BOOLEAN,
        "small or medium by capital or employees",
        _DERIVED,
        checked_by=("jp.gbizinfo",),
    ),
    Fact(
        "vendor.age_years",
        Kind.INTEGER,
        "full years since founding on the as-of date in Japan",
        _DERIVED,
        checked_by=("jp.gbizinfo", "home register"),
    ),
    Fact(
        "vendor.certified_new_field_by[]",
        Kind.CODE,
        "buyers that certified the seller as a pioneer of a new field",
        "application:vendor.certified_new_field_by",
    ),
    Fact(
        "vendor.office_in_buyer_area",
        Kind.BOOLEAN,
        "has an office in the area of the one buyer named",
        _DERIVED,
    ),
    Fact(
        "vendor.jp_registered_representative",
        Kind.BOOLEAN,
        "has registered a representative in Japan",
        "application:vendor.jp_registered_representative",
    ),
    Fact(
        "vendor.sells_only_through_jp_seller",
        Kind.BOOLEAN,
        "sells to Japan only through a seller there",
        "application:vendor.sells_only_through_jp_seller",
    ),
    Fact("registry.found", Kind.BOOLEAN, "the home register has the identifier", _REGISTER),
    Fact("registry.closed", Kind.BOOLEAN, "the entry is closed", _REGISTER),
    Fact("registry.closed_on", Kind.DATE, "day of closing", _REGISTER),
    Fact(
        "registry.close_cause",
        Kind.CODE,
        "why it was closed: closeCause of the corporate number register",
        _REGISTER,
        ("01", "11", "21", "31"),
    ),
    Fact("registry.successor", Kind.TEXT, "number of the company that took it over", _REGISTER),
    Fact("registry.withdrawn", Kind.BOOLEAN, "the number itself was withdrawn", _REGISTER),
    Fact("registry.name", Kind.TEXT, "registered name", _REGISTER),
    Fact(
        "registry.name_match",
        Kind.DECIMAL,
        "declared name against the best registered one, 0 to 1",
        _REGISTER,
    ),
    Fact(
        "registry.former_name_match", Kind.DECIMAL, "the same against former names; 0 without any", _REGISTER
    ),
    Fact(
        "qualification.valid_to",
        Kind.DATE,
        "last day of the unified qualification",
        "application:qualification.valid_to",
        checked_by=("jp.gbizinfo",),
    ),
    Fact(
        "qualification.categories[]",
        Kind.CODE,
        "kinds of the unified qualification",
        "application:qualification.categories",
        ("goods_manufacture", "goods_sale", "services", "goods_purchase"),
        checked_by=("jp.gbizinfo",),
    ),
    Fact(
        "qualification.grade",
        Kind.CODE,
        "grade",
        "application:qualification.grade",
        ("A", "B", "C", "D"),
        checked_by=("jp.gbizinfo",),
    ),
    Fact(
        "qualification.application_pending",
        Kind.BOOLEAN,
        "an application for it is pending",
        "application:qualification.application_pending",
    ),
    Fact(
        "gbizid.level",
        Kind.CODE,
        "account level of whoever submits",
        "application:gbizid.level",
        ("prime", "member", "entry", "none"),
    ),
    Fact(
        "exclusion.mandatory",
        Kind.BOOLEAN,
        "under a mandatory exclusion",
        "application:declarations.mandatory_exclusion",
    ),
    Fact(
        "exclusion.discretionary", Kind.BOOLEAN, "a discretionary exclusion runs on the as-of date", _DERIVED
    ),
    Fact(
        "suspensions[]",
        Kind.OBJECTS,
        "suspensions from nomination; an empty list: those asked name none, which is no proof of none",
        _SUSPENSIONS,
    ),
    Fact("suspensions[].by", Kind.CODE, "body that suspended: a buyer's code, else its name", _SUSPENSIONS),
    Fact("suspensions[].by_level", Kind.CODE, "its level", _SUSPENSIONS, ("national", "local")),
    Fact("suspensions[].until", Kind.DATE, "last day", _SUSPENSIONS),
    Fact("suspension_lists[]", Kind.CODE, "lists of suspensions that were asked", _SUSPENSIONS),
    Fact(
        "boryokudan.pledge",
        Kind.BOOLEAN,
        "pledges to have no ties with organised crime",
        "application:declarations.boryokudan_pledge",
    ),
    Fact(
        "boryokudan.excluded",
        Kind.BOOLEAN,
        "excluded as tied to organised crime; the pledge denies it",
        _DERIVED,
        checked_by=("jp.suspension",),
    ),
    Fact(
        "sanctions.result",
        Kind.CODE,
        "screening of vendor and maker; only a person says confirmed",
        _SCREENING,
        ("clear", "potential", "confirmed"),
    ),
    Fact("sanctions.checked_on", Kind.DATE, "day of the screening", _SCREENING),
    Fact(
        "insolvency.petition",
        Kind.BOOLEAN,
        "insolvency proceedings petitioned for",
        "application:declarations.insolvency_petition",
        checked_by=("home register",),
    ),
    Fact(
        "insolvency.plan_confirmed",
        Kind.BOOLEAN,
        "the plan is confirmed",
        "application:declarations.insolvency_plan_confirmed",
    ),
    Fact("tax.arrears", Kind.BOOLEAN, "owes tax", "application:declarations.tax_arrears"),
    Fact(
        "startup.j_startup",
        Kind.BOOLEAN,
        "J-Startup firm, regional ones too",
        "application:startup.j_startup",
        checked_by=("jp.startup",),
    ),
    Fact(
        "startup.sbir", Kind.BOOLEAN, "SBIR recipient", "application:startup.sbir", checked_by=("jp.startup",)
    ),
    Fact(
        "startup.public_fund",
        Kind.BOOLEAN,
        "investee of a public fund",
        "application:startup.public_fund",
        checked_by=("jp.startup",),
    ),
    Fact(
        "use.confidentiality",
        Kind.INTEGER,
        "class of the common standards, 1 to 3",
        "application:use.confidentiality",
    ),
    Fact("use.personal_data", Kind.BOOLEAN, "personal data is handled", "application:use.personal_data"),
    Fact("use.my_number", Kind.BOOLEAN, "My Number data is handled", "application:use.my_number"),
    Fact("use.low_impact", Kind.BOOLEAN, "low-impact work (ISMAP-LIU)", "application:use.low_impact"),
    Fact(
        "use.route",
        Kind.CODE,
        "how the buyer would contract",
        "application:use.route",
        ("comparison", "policy-purpose", "open-tender", "small-contract"),
    ),
    Fact("use.value_jpy", Kind.INTEGER, "value of the contract in yen", "application:use.value_jpy"),
    Fact("use.buyers[]", Kind.CODE, "buyers whose own rules are judged besides", "application:use.buyers"),
    Fact(
        "ismap.list",
        Kind.CODE,
        "list the service is on",
        "application:ismap.list",
        ("ismap", "ismap-liu", "none"),
        checked_by=("jp.ismap",),
    ),
    Fact(
        "ismap.valid_to",
        Kind.DATE,
        "last day of the listing",
        "application:ismap.valid_to",
        checked_by=("jp.ismap",),
    ),
    Fact(
        "ismap.renewal_filed_on",
        Kind.DATE,
        "day the renewal was filed",
        "application:ismap.renewal_filed_on",
        checked_by=("jp.ismap",),
    ),
    Fact(
        "certs[]",
        Kind.OBJECTS,
        "certificates; an empty list: none held; left out: not stated",
        "application:certifications",
    ),
    Fact(
        "certs[].type",
        Kind.CODE,
        "standard",
        "with `certs[]`",
        (
            "ISO27001",
            "ISO27017",
            "ISO27018",
            "ISO27701",
            "SOC2",
            "PRIVACYMARK",
            "CSA-STAR",
            "CYBER-ESSENTIALS-PLUS",
        ),
        checked_by=("jp.isms", "jp.privacymark"),
    ),
    Fact(
        "certs[].edition",
        Kind.TEXT,
        "year of the edition, four digits",
        "with `certs[]`",
        checked_by=("jp.isms",),
    ),
    Fact(
        "certs[].accredited",
        Kind.BOOLEAN,
        "the certification body is accredited",
        "with `certs[]`",
        checked_by=("jp.isms",),
    ),
    Fact("certs[].covers_service", Kind.BOOLEAN, "the scope covers the service", "with `certs[]`"),
    Fact(
        "certs[].valid_to",
        Kind.DATE,
        "last day of the certificate",
        "with `certs[]`",
        checked_by=("jp.isms", "jp.privacymark"),
    ),
    Fact("certs[].renewal_audit_booked", Kind.BOOLEAN, "the renewal audit is booked", "with `certs[]`"),
    Fact(
        "isms_in_progress.contract",
        Kind.BOOLEAN,
        "a contract with a certification body exists",
        "application:isms_in_progress.contract",
    ),
    Fact("isms_in_progress.audit_on", Kind.DATE, "day of its audit", "application:isms_in_progress.audit_on"),
    Fact(
        "hosting.ismap_listed", Kind.BOOLEAN, "the platform is on ISMAP", "application:hosting.ismap_listed"
    ),
    Fact(
        "hosting.iso27017", Kind.BOOLEAN, "the platform holds ISO/IEC 27017", "application:hosting.iso27017"
    ),
    Fact("data[]", Kind.OBJECTS, "classes of data and their places", "application:data"),
    Fact("data[].class", Kind.CODE, "class of data", "with `data[]`", _CLASSES),
    Fact("data[].at_rest[]", Kind.COUNTRY, "countries where it is kept", "with `data[]`"),
    Fact("data[].processing[]", Kind.COUNTRY, "countries where it is processed", "with `data[]`"),
    Fact("data[].support[]", Kind.COUNTRY, "countries from which support reaches it", "with `data[]`"),
    Fact("contract.governing_law", Kind.COUNTRY, "governing law", "application:contract.governing_law"),
    Fact("contract.court", Kind.COUNTRY, "court", "application:contract.court"),
    Fact(
        "foreign_law.exposed",
        Kind.BOOLEAN,
        "foreign law can reach the data",
        "application:foreign_law.exposed",
    ),
    Fact(
        "foreign_law.notice_promised",
        Kind.BOOLEAN,
        "notice of foreign orders is promised",
        "application:foreign_law.notice_promised",
    ),
    Fact(
        "foreign_law.customer_keys",
        Kind.BOOLEAN,
        "the customer holds the keys",
        "application:foreign_law.customer_keys",
    ),
    Fact(
        "foreign_law.risk_statement",
        Kind.BOOLEAN,
        "a statement of the risk is attached",
        "application:foreign_law.risk_statement",
    ),
    Fact("subprocessors[]", Kind.OBJECTS, "who handles data for the seller", "application:subprocessors"),
    Fact("subprocessors[].name", Kind.TEXT, "name", "with `subprocessors[]`"),
    Fact("subprocessors[].country", Kind.COUNTRY, "country", "with `subprocessors[]`"),
    Fact(
        "subprocessors[].no_personal_data", Kind.BOOLEAN, "handles no personal data", "with `subprocessors[]`"
    ),
    Fact(
        "subprocessors[].appi28_equivalent_system",
        Kind.BOOLEAN,
        "keeps an equivalent system (APPI art. 28)",
        "with `subprocessors[]`",
    ),
    Fact(
        "support_access[]",
        Kind.COUNTRY,
        "countries from which support staff reach the data",
        "application:support_access",
    ),
    Fact("ai.used", Kind.BOOLEAN, "the product uses AI", "application:ai.used"),
    Fact("ai.trains_on_input", Kind.BOOLEAN, "input is used for training", "application:ai.trains_on_input"),
    Fact("ai.stores_abroad", Kind.BOOLEAN, "the AI keeps data abroad", "application:ai.stores_abroad"),
    Fact("ai.endpoint_in_jp", Kind.BOOLEAN, "the AI is reached in Japan", "application:ai.endpoint_in_jp"),
    Fact(
        "ai.risk_assessment_done",
        Kind.BOOLEAN,
        "the buyer's risk assessment is done",
        "application:ai.risk_assessment_done",
    ),
    Fact(
        "ai.prior_consent", Kind.BOOLEAN, "the buyer has consented beforehand", "application:ai.prior_consent"
    ),
    Fact("portability.formats[]", Kind.CODE, "export formats", "application:portability.formats"),
    Fact(
        "portability.retrieval_days",
        Kind.INTEGER,
        "days to retrieve data after the end",
        "application:portability.retrieval_days",
    ),
    Fact(
        "portability.exit_fee_disclosed",
        Kind.BOOLEAN,
        "exit charges are disclosed",
        "application:portability.exit_fee_disclosed",
    ),
    Fact(
        "portability.deletion_certificate",
        Kind.BOOLEAN,
        "deletion is certified",
        "application:portability.deletion_certificate",
    ),
    Fact(
        "portability.deletion_days",
        Kind.INTEGER,
        "days to full deletion",
        "application:portability.deletion_days",
    ),
    Fact(
        "reseller.authorised",
        Kind.BOOLEAN,
        "the maker confirms the authority to sell on the as-of date",
        _DERIVED,
        checked_by=("home register",),
    ),
    Fact("maker.found", Kind.BOOLEAN, "the maker's home register has its identifier", _REGISTER),
    Fact("maker.closed", Kind.BOOLEAN, "the maker's entry is closed", _REGISTER),
    Fact("maker.name", Kind.TEXT, "the maker's registered name", _REGISTER),
    Fact("maker.name_match", Kind.DECIMAL, "its declared name against the best registered one", _REGISTER),
    Fact("invoice.registered", Kind.BOOLEAN, "a qualified invoice issuer on the as-of date", _INVOICES),
    Fact("invoice.agrees", Kind.BOOLEAN, "its invoice number is T and its corporate number", _INVOICES),
    Fact("vat.valid", Kind.BOOLEAN, "the member state confirms the VAT number", "`eu.vies`"),
    Fact("fedramp.valid", Kind.BOOLEAN, "an offering that US agencies may rely on", "`us.fedramp`"),
    Fact("fedramp.offering", Kind.TEXT, "its name in the marketplace", "`us.fedramp`"),
)

BY_PATH: dict[str, Fact] = {fact.path: fact for fact in FACTS}


_HEAD = """# Facts

Made from `rules/vocabulary.py` by `make docs`; change the table there, not this page.

A facts document is all that rules see of a case: one JSON object with the paths below. Whatever is not known
is left out (or null), and every condition on it is then *unknown*. A value of another kind is as good as
missing. Dates are `YYYY-MM-DD` and count in Japan's time; countries are ISO 3166-1 alpha-2; `[]` stands for
every item of a list. A list that could not be read is left out; an empty one says that there is nothing.
Where sources disagree, a document without provenance may say `{conflict: [one, other]}` in a value's place.

Beside it stands the *provenance*, an object from path to origin. An entry holds for its path and everything
below it, unless a longer path has its own; `""` holds for all the rest. The keys of an origin:

- `source`: `declaration` (the vendor says so; it never counts as verified), a source such as `jp.nta`,
  `check-digit` (worked out from the number itself), `application` (the use applied for: the question, not a
  claim), or `document` (a facts document that comes without provenance and is taken as it is).
- `at`, `capture`: when the source answered, and the digest of the raw answer.
- `gap`: the source gave no usable answer, and why. Nothing below this path is known.
- `conflict`: another source says otherwise (`source`, `value`, `at`, `capture`). The fact is unknown.
- `candidate`: what the source says may be about somebody else of that name. The fact is unknown until a
  person has looked.

How a fact comes to be: what the application declares is copied or worked out; then each source that was asked
verifies it (the origin becomes that source), contradicts it (`conflict`), or adds what nobody declared. Among
registers the home register says what holds, and GLEIF's can only contradict it. What a list alone can tell is
never taken from the declaration: without an answer it is unknown. A last day that a list gives later than the
vendor does is a renewal; an earlier one is a conflict. Silence counts only where the source is complete
([sources](sources.md)).

"""


def page() -> str:
    """The vocabulary as a page of the documents (Markdown)."""
    rows = []
    for fact in FACTS:
        kind = str(fact.kind)
        if fact.codes:
            kind += ": " + ", ".join(f"`{code}`" for code in fact.codes)
        origin = f"declared: `{fact.copied_from}`" if fact.copied_from else fact.origin
        checked = ", ".join(name if " " in name else f"`{name}`" for name in fact.checked_by)
        rows.append(f"| `{fact.path}` | {kind} | {fact.meaning} | {origin} | {checked} |")
    return (
        _HEAD
        + "| path | kind | meaning | comes from | checked by |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows)
        + "\n"
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
