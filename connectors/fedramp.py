"""``us.fedramp``: the marketplace of the Federal Risk and Authorization Management Program of the US.

Source: the repository of the marketplace's data (``data.json`` and the status changelog, renewed every night)
and what FedRAMP writes about classes and listings. A work of the US government, free of rights. One file of
some four megabytes for all: once a day is enough.

**A certification of an offering, not of a company.** The only key of a company is its UEI, and most rows
have none or a malformed one: so its silence says nothing. Rows that merely bear the company's name are listed
as such (``same_name``) for a person to look at. A class (A to D, since June 2026) says how much is disclosed,
and is no impact level; class A is for pilots.

What the feed does to those who believe it, and what is done about it: an id comes twice, or with a space
before it (trimmed; rows that contradict each other are marked ``contradictory``); words are written in
several ways (compared without case and double spaces); dates are words (``Not Active``); a withdrawn offering
is written out again night by night with fresh time stamps (only the status counts, and in the changelog the
day of the transition, never that of its recording). Addresses of people are in it and stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from connectors import schemas, strict
from connectors.evidence import evidence, unasked
from connectors.identifiers import is_well_formed
from connectors.limits import Rate
from connectors.parties import parties
from connectors.strict import Unexpected
from connectors.terms import Terms
from connectors.transport import Limits, Transport
from pipeline.documents import Json
from pipeline.identifiers import OrganisationId
from pipeline.model import Capture, Evidence, Inquiry, Text

SOURCE = "us.fedramp"
SCHEME = "US-UEI"
PRODUCT_SCHEME = "US-FEDRAMP"
BASE_URL = "https://raw.githubusercontent.com/FedRAMP/marketplace-fedramp-gov-data/main"
RATES = (Rate(30, 3600),)
LIMITS = Limits(read=20.0, total=60.0, size=24 * 1024 * 1024)

STATUSES: Mapping[str, str] = {
    "compliant": "authorized",
    "fedramp authorized": "authorized",
    "authorized": "authorized",
    "fedramp certified": "certified",
    "certified": "certified",
    "fedramp certified (in remediation)": "in-remediation",
    "fedramp in process": "in-process",
    "in process": "in-process",
    "agency in process": "agency-in-process",
    "fedramp ready": "ready",
    "frr": "ready",
    "agency review": "review",
    "jab review": "review",
    "pmo review": "review",
    "initial program review": "review",
    "final program review": "review",
    "initial implementation": "implementation",
    "no status found": "none",
    "no status found (delisted)": "delisted",
    "delisted": "delisted",
}
"""The words of feed, changelog and the older feed (``Designation``), in small letters."""

VALID = frozenset({"authorized", "certified"})
"""The statuses of an offering that federal agencies may rely on."""

NO_DATE = frozenset({"", "not active", "not in process", "not authorized", "no frr date", "n/a"})
"""What stands where a date would, in small letters: there is none."""


class Fedramp:
    """The connector. Its record has these keys, left out where the feed does not say.

    ============== =========================================================================================
    offerings      the company's offerings by its UEI, see below
    same_name      ids of offerings without a UEI whose provider bears exactly the declared name
    register_date  day of the feed's last change (UTC)
    ============== =========================================================================================

    An offering has ``id``, ``provider``, ``offering``, ``uei``, ``status`` (of :data:`STATUSES`), ``valid``
    (whether that is one of :data:`VALID`), ``impact_level``, ``authorization_type``, ``authorized_on``,
    ``ready_on``, ``annual_assessment`` (``MM/DD``, without a year), ``assessor``, ``service_models``,
    ``deployment`` and, where another row of the same id says otherwise, ``contradictory``: then it is not
    ``valid``. The subject is found if it has an offering, whatever its status.
    """

    source = SOURCE
    rates = RATES
    asked_by = ()  # one file answers about everybody
    terms = Terms(
        licence=Text("米国政府の著作物", "a work of the US government"),
        silence=Text("何も意味しない（UEIのない行が多い）", "says nothing: most rows have no UEI"),
    )

    def __init__(self, *, base_url: str = BASE_URL, contact: str = "", limits: Limits = LIMITS) -> None:
        # Files of a repository are served as plain text.
        self._transport = Transport(
            SOURCE, base_url, accept=("application/json", "text/plain"), contact=contact, limits=limits
        )

    def inquiries(self, application: Json) -> Iterable[Inquiry]:
        """One for vendor and maker each: for its first UEI, if it can be one."""
        for party in parties(application):
            number = next(party.identified_by(SCHEME), None)
            if number is not None and is_well_formed(number):
                yield Inquiry(SOURCE, party.role, number, party.name)

    def fetch(self, inquiry: Inquiry) -> Capture:  # noqa: ARG002 - one file answers about everybody
        """The whole feed."""
        return self._transport.get("/data.json")

    def fetch_changelog(self) -> Capture:
        """The status changelog, which :meth:`evidence_in` reads."""
        return self._transport.get("/fedramp-status-changelog.json")

    def parse(self, inquiry: Inquiry, capture: Capture) -> Evidence:
        """Read the rows of the subject. A row of another company that is amiss does not matter."""
        with strict.reading(capture):
            feed = _feed(capture.body)
            rows = feed["data"]["Products"]
            own = {_id(row) for row in rows if uei_of(row) == inquiry.subject.id}
            offerings = _offerings(row for row in rows if _id(row) in own)
            name = folded(inquiry.name)
            record: dict[str, Any] = {
                "offerings": offerings,
                "same_name": sorted(
                    {_id(row) for row in rows if name and uei_of(row) is None and folded(row["csp"]) == name}
                ),
                "register_date": _day(feed["meta"]["last_change"]),
            }
        return evidence(inquiry, capture, record, found=bool(offerings))

    def evidence_in(self, capture: Capture) -> list[Evidence]:
        """Every offering of a saved feed or status changelog (both its shapes), by its id.

        Of a changelog the record has ``status``, ``valid``, ``history`` (``{status, since}``, oldest first)
        and, since June 2026, ``type``, ``path`` and ``class``.

        :raises SourceChanged: when it is none of these.
        """
        with strict.reading(capture):
            document = strict.json_object(capture.body)
            if "products" in document:
                schemas.check(SOURCE, document, "history")
                records = [_history(id_, product) for id_, product in document["products"].items()]
                as_of = document["metadata"]["export_timestamp"]
            elif "metadata" in document:
                schemas.check(SOURCE, document, "changelog")
                records = list(_changes(document["data"]["certprocessstatuschangelog"]))
                as_of = document["metadata"]["export_timestamp"]
            else:
                schemas.check(SOURCE, document)
                records = _offerings(document["data"]["Products"])
                as_of = document["meta"]["last_change"]
            day = {"register_date": _day(as_of)}
        return [unasked(SOURCE, PRODUCT_SCHEME, record["id"], capture, record | day) for record in records]

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._transport.close()


def connector(settings: Mapping[str, str]) -> Fedramp:
    """The connector from its settings: ``base_url``, ``contact`` and ``timeout``, if wished."""
    chosen = Limits.of(settings)
    return Fedramp(
        base_url=settings.get("base_url", BASE_URL),
        contact=settings.get("contact", ""),
        limits=Limits(chosen.connect, chosen.read, chosen.total, LIMITS.size)
        if settings.get("timeout")
        else LIMITS,
    )


def _feed(body: bytes) -> dict[str, Any]:
    feed = strict.json_object(body)
    schemas.check(SOURCE, feed)
    return feed


def _offerings(rows: Iterable[Json]) -> list[dict[str, Any]]:
    """The offerings in the order of their ids, each once."""
    offerings = []
    for _, same in groupby(sorted(map(_offering, rows), key=_by_id), key=_by_id):
        first, *others = same
        if any(other != first for other in others):
            first |= {"contradictory": True, "valid": False}
        offerings.append(first)
    return offerings


def _offering(row: Json) -> dict[str, Any]:
    schemas.check(SOURCE, row, "product")
    status = status_of(row["status"])
    offering = {
        "id": _id(row),
        "provider": _trimmed(row["csp"]),
        "offering": _trimmed(row["cso"]),
        "uei": uei_of(row),
        "status": status,
        "valid": status in VALID,
        "impact_level": _trimmed(row.get("impact_level")),
        "authorization_type": _trimmed(row.get("auth_type")),
        # Two columns say the same; one may be a word where the other is a date.
        "authorized_on": day_of(row.get("auth_date")) or day_of(row.get("fedramp_auth")),
        "ready_on": day_of(row.get("ready_date")),
        "annual_assessment": _trimmed(row.get("annual_assessment")),
        "assessor": _trimmed(row.get("independent_assessor")),
        "service_models": [model.strip() for model in row.get("service_model", ()) if model.strip()],
        "deployment": _trimmed(row.get("deployment_model")),
    }
    return {key: value for key, value in offering.items() if value is not None}


def _history(id_: str, product: Json) -> dict[str, Any]:
    status = status_of(product["current_status"])
    steps = [
        {"status": status_of(step["status_name"]), "since": since}
        for step in product["statuses"]
        if (since := day_of(step["start_date"])) is not None
    ]
    # Sorted by day only: of one day the file's order holds. The last step need not be how it stands.
    return {
        "id": id_.strip(),
        "status": status,
        "valid": status in VALID,
        "history": sorted(steps, key=lambda step: step["since"]),
    }


def _changes(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for id_, changes in groupby(sorted(entries, key=_product), key=_product):
        dated = [(on, change) for change in changes if (on := day_of(change["transition_date"])) is not None]
        steps: list[dict[str, Any]] = []
        last: Json = {}
        for on, change in sorted(dated, key=lambda pair: pair[0]):
            if not (change["to_status"] or "").strip():
                continue
            last = change
            status = status_of(change["to_status"])
            if not steps or steps[-1]["status"] != status:  # else it is only recorded once more
                steps.append({"status": status, "since": on})
        status = steps[-1]["status"] if steps else "none"
        record = {
            "id": id_,
            "status": status,
            "valid": status in VALID,
            "history": steps,
            "type": _trimmed(last.get("cert_type")),
            "path": _trimmed(last.get("cert_path")),
            "class": _trimmed(last.get("cert_class")),
        }
        yield {key: value for key, value in record.items() if value is not None}


def _by_id(offering: Json) -> str:
    return str(offering["id"])


def _product(change: Json) -> str:
    return str(change["product_id"]).strip()


def _id(row: Json) -> str:
    return str(row["id"]).strip()


def uei_of(row: Json) -> str | None:
    """The row's UEI, None for a blank or malformed one."""
    number = (row.get("uei") or "").strip().upper()
    return number if is_well_formed(OrganisationId(SCHEME, number)) else None


def status_of(words: str) -> str:
    """What the words of a status mean, of :data:`STATUSES`; :class:`Unexpected` for other words."""
    return STATUSES[strict.one_of(folded(words), STATUSES, "status")]


def day_of(words: str | None) -> str | None:
    """The day that a moment or date says, None for a word that stands for none."""
    if words is None or folded(words) in NO_DATE:
        return None
    return _day(words.strip())


def _day(moment: str) -> str:
    if not moment[10:].startswith(("T", " ")) and moment[10:]:
        raise Unexpected("a date is not in its form")
    return strict.day(moment[:10], "a date")


def _trimmed(text: str | None) -> str | None:
    return (text or "").strip() or None


def folded(words: str) -> str:
    """The words without case and double spaces, as they are compared."""
    return " ".join(words.casefold().split())
