"""The business: qualification and figures in gBizINFO, numbers for invoices and value added tax.

What gBizINFO collects is partial and ages: it verifies what it has, contradicts what it has otherwise, and
its silence says nothing. A qualification that has ended stays in it, so only what is in force is compared.
"""

from __future__ import annotations

from pipeline.model import Evidence, Presence
from rules.facts.declared import full_years, is_sme
from rules.facts.draft import Draft, day

_GBIZINFO = "jp.gbizinfo"
_INVOICES = "jp.invoice"
_VAT = "eu.vies"


def add(draft: Draft) -> None:
    """``qualification``, the vendor's size and age, ``invoice`` and ``vat``."""
    answer = draft.answer(_GBIZINFO)
    if answer is not None and answer.presence is Presence.FOUND:
        _qualification(draft, answer)
        _size_and_age(draft, answer)
    if (answer := draft.answer(_INVOICES)) is not None:
        _invoice(draft, answer)
    if (answer := draft.answer(_VAT)) is not None:
        draft.verify("vat.valid", answer.presence is Presence.FOUND, answer)


def _qualification(draft: Draft, answer: Evidence) -> None:
    today = draft.today.isoformat()
    held = [
        entry for entry in answer.record.get("qualifications", ()) if entry.get("valid_to", today) >= today
    ]
    if not held:
        return
    kinds = sorted({kind for entry in held for kind in entry["kinds"]})
    stated = draft.value("qualification.categories")
    # Whoever states fewer kinds than it has states the truth.
    confirmed = stated if stated is not None and set(stated) <= set(kinds) else kinds
    draft.compare("qualification.categories", confirmed, answer)
    grades = sorted({entry["grade"] for entry in held})
    stated = draft.value("qualification.grade")
    draft.compare("qualification.grade", stated if stated in grades else grades[0], answer)
    ends = [entry["valid_to"] for entry in held if "valid_to" in entry]
    if ends:
        draft.compare("qualification.valid_to", max(ends), answer)


def _size_and_age(draft: Draft, answer: Evidence) -> None:
    record, vendor = answer.record, draft.application["vendor"]
    if "capital_jpy" in record or "employees" in record:
        # Where they have one figure only, the other is taken as declared.
        figures = {**vendor, **record}
        draft.compare("vendor.sme", is_sme(figures.get("capital_jpy"), figures.get("employees")), answer)
    founded = day(record.get("founded_on"))
    draft.compare("vendor.age_years", full_years(founded, draft.today), answer)


def _invoice(draft: Draft, answer: Evidence) -> None:
    record = answer.record
    today = draft.today.isoformat()
    registered = (
        answer.presence is Presence.FOUND
        and not record.get("deleted")
        and (
            record["registered_on"] <= today
            and all(record.get(end, "9999") > today for end in ("revoked_on", "expired_on"))
        )
    )
    draft.verify("invoice.registered", registered, answer)
    if (number := draft.value("vendor.corporate_number")) is not None:
        # A corporation is registered under its corporate number.
        draft.verify("invoice.agrees", answer.subject.id.removeprefix("T") == number, answer)
