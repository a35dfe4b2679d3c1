"""FedRAMP's marketplace feed as drafts of applications.

Sources: the data repository of the marketplace, in the form of today (``data.Products``) and in that of
18F/fedramp-data before (``data.Providers``, or its rows as JSON Lines). How the feed's words, dates and
numbers are read is shared with :mod:`connectors.fedramp`, the certification source.

The feed tells who offers what, by which service model. It has no field for the place of data, no price, no
terms, and for most rows no number of the company; a "Government Community Cloud" is the US government's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from connectors import fedramp
from connectors.marketplaces.foreign import (
    Draft,
    ForeignCatalog,
    ForeignListing,
    Remark,
    code_of,
    documents,
    objects,
    remark,
    stray_fields,
    without_people,
)
from connectors.strict import Unexpected, member_object

MARKETPLACE = "us.fedramp"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the fields are called in one form of the feed."""

    name: str
    id: str
    provider: str
    product: str
    summary: str
    website: str
    status: str
    level: str
    models: str
    deployment: str
    underlying: str
    uei: str
    expires: str
    dates: Sequence[str]


PROVIDERS = Shape(
    name="providers",
    id="Package_ID",
    provider="Cloud_Service_Provider_Name",
    product="Cloud_Service_Provider_Package",
    summary="CSO_Description",
    website="CSP_Website",
    status="Designation",
    level="Impact_Level",
    models="Service_Model",
    deployment="Deployment_Model",
    underlying="Underlying_CSP_Package_ID",
    uei="UEI",
    expires="Original_Expiration_Date",
    dates=(
        "Announcement_Date",
        "FedRAMP_In-Process_Date",
        "Fedramp_Ready_Date",
        "Original_Authorization_Date",
        "Original_Expiration_Date",
    ),
)
PRODUCTS = Shape(
    name="products",
    id="id",
    provider="csp",
    product="cso",
    summary="service_desc",
    website="website",
    status="status",
    level="impact_level",
    models="service_model",
    deployment="deployment_model",
    underlying="leveraged_systems",
    uei="uei",
    expires="auth_exp_date",
    dates=("ready_date", "auth_date", "fedramp_auth", "auth_exp_date"),
)

LEVELS: Mapping[str, str] = {
    "li-saas": "LI-SaaS",
    "low": "Low",
    "moderate": "Moderate",
    "high": "High",
    "20x low": "20x Low",
    "20x moderate": "20x Moderate",
}
"""Impact levels, by their words in small letters."""

DEPLOYMENTS: Mapping[str, str | None] = {
    "public cloud": "public-cloud",
    "private cloud": "private-cloud",
    "government community cloud": None,
    "community cloud": None,
    "hybrid cloud": None,
}
"""What a way of delivery is here; None where there is none of the kind."""


def read(body: bytes, as_of: date) -> ForeignCatalog:
    """The catalog of one file. A term has ended if its last day lies before ``as_of``.

    :raises Unexpected: when the file is none of the feed's forms.
    """
    shape, rows, stamp = _rows(body)
    remarks: list[Remark] = []
    own: dict[str, dict[str, Any]] = {}
    notes: dict[str, list[Remark]] = {}
    repeated: list[str] = []
    for number, row in enumerate(rows, 1):
        id_ = _text(row, shape.id)
        if not id_ or not _text(row, shape.product) or not _text(row, shape.provider):
            remarks.append(remark("import.row_not_read", id_ or f"#{number}"))
            continue
        kept, told = without_people(row), notes.setdefault(id_, [])
        if row[shape.id] != id_:
            told.append(remark("import.stray_space", id_, shape.id))
        first = own.setdefault(id_, kept)
        if first is kept:
            continue
        if id_ not in repeated:
            repeated.append(id_)
            told.append(remark("import.repeated_id", id_))
        told.extend(
            remark("import.repeated_id_differs", id_, name)
            for name in sorted(kept.keys() | first.keys())
            if name != shape.id and kept.get(name) != first.get(name)
        )
    if not own:
        raise Unexpected("the feed has no row that can be read")
    listings = [_listing(shape, id_, row, own, notes[id_], as_of) for id_, row in own.items()]
    remarks.extend(told for listing in listings for told in listing.remarks)
    return ForeignCatalog(
        marketplace=MARKETPLACE,
        shape=shape.name,
        status_field=shape.status,
        stamp=stamp,
        rows=len(rows),
        listings=listings,
        remarks=remarks,
        counts=_counts(shape, list(own.values())),
        repeated=sorted(repeated),
        expired=sum(told.code == "import.expired" for told in remarks),
    )


def _rows(body: bytes) -> tuple[Shape, list[dict[str, Any]], str]:
    values = list(documents(body))
    if len(values) == 1 and isinstance(values[0], dict) and "data" in values[0]:
        feed = values[0]
        data, meta = member_object(feed["data"], "data"), feed.get("meta")
        stamp = next((meta[key] for key in ("last_change", "Created_At") if key in meta), "") if meta else ""
        rows = data.get("Products") or data.get("Providers") or []
    elif len(values) == 1 and isinstance(values[0], list):
        rows, stamp = values[0], ""
    else:
        rows, stamp = values, ""
    listed = objects(rows, "the feed's rows")
    for shape in (PROVIDERS, PRODUCTS):
        if listed and all(shape.id in row for row in listed[:1]):
            return shape, listed, str(stamp)
    raise Unexpected(f"the first row has neither {PROVIDERS.id} nor {PRODUCTS.id}")


def _listing(
    shape: Shape,
    id_: str,
    row: Mapping[str, Any],
    all_rows: Mapping[str, Mapping[str, Any]],
    noted: Sequence[Remark],
    as_of: date,
) -> ForeignListing:
    draft = Draft(id_, row)
    draft.remarks.extend(noted)
    for name in stray_fields(row):
        draft.remark("import.stray_space", name)
    if (code := code_of(id_)) is not None:
        draft.used.add(shape.id)
        draft.put(("product", "code"), code)
    draft.put_text(("product", "name", "en"), shape.product, 300)
    draft.put_text(("product", "summary", "en"), shape.summary, 2000)
    draft.put_address(("product", "url"), shape.website)
    draft.put_text(("vendor", "name"), shape.provider, 300)
    draft.put_text(("vendor", "name_en"), shape.provider, 300)
    _identifier(shape, draft)
    _deployment(shape, draft)
    _hosting(shape, draft, all_rows)
    _standing(shape, draft, as_of)
    return draft.finished(row)


def _identifier(shape: Shape, draft: Draft) -> None:
    written = draft.text(shape.uei)
    if written is None:
        return
    uei = fedramp.uei_of({"uei": written})
    if uei is None:
        draft.remark("import.identifier_malformed", shape.uei)
    else:
        draft.put(("vendor", "identifiers"), [{"scheme": fedramp.SCHEME, "id": uei}])


def _deployment(shape: Shape, draft: Draft) -> None:
    words = draft.text(shape.deployment)
    if words is None:
        return
    if (folded := fedramp.folded(words)) not in DEPLOYMENTS:
        draft.remark("import.unknown_word", shape.deployment)
    elif (deployment := DEPLOYMENTS[folded]) is None:
        draft.remark("import.no_equivalent", shape.deployment)
    else:
        draft.put(("product", "deployment"), [deployment])


def _hosting(shape: Shape, draft: Draft, all_rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Who runs the platform below, where it is one package that the same feed names."""
    below = draft.row.get(shape.underlying)
    ids = (
        [id_.strip() for id_ in below if isinstance(id_, str) and id_.strip()]
        if isinstance(below, list)
        else []
    )
    if len(ids) == 1 and (under := all_rows.get(ids[0])) is not None:
        draft.used.add(shape.underlying)
        provider = draft.fit(str(under[shape.provider]), 200, shape.underlying)
        draft.put(("hosting", "provider"), provider)


def _standing(shape: Shape, draft: Draft, as_of: date) -> None:
    if (words := draft.text(shape.status)) is not None:
        try:
            status = fedramp.status_of(words)
        except Unexpected:
            draft.remark("import.unknown_word", shape.status)
        else:
            valid = status in fedramp.VALID
            draft.remark("import.not_carried_over" if valid else "import.not_in_force", shape.status)
    level = draft.text(shape.level)
    if level is not None:
        usual = LEVELS.get(fedramp.folded(level))
        if usual is None:
            draft.remark("import.unknown_word", shape.level)
        elif usual != level:
            draft.remark("import.spelling", shape.level)
    for name in shape.dates:
        words = draft.row.get(name)
        if words is None or words == "":
            continue
        try:
            day = fedramp.day_of(words) if isinstance(words, str) else None
        except Unexpected:
            day = None
        if day is None:
            draft.remark("import.date_is_words", name)
        elif name == shape.expires and date.fromisoformat(day) < as_of:
            draft.remark("import.expired", name)


def _counts(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    return {
        shape.status.lower(): _tally(_text(row, shape.status) for row in rows),
        "impact_level_as_written": _tally(str(row.get(shape.level) or "") for row in rows),
        "impact_level": _tally(
            LEVELS.get(fedramp.folded(written), written)
            for row in rows
            if (written := _text(row, shape.level))
        ),
        "service_model_as_written": _tally(
            ", ".join(map(str, row[shape.models])) for row in rows if isinstance(row.get(shape.models), list)
        ),
    }


def _tally(words: Iterator[str]) -> dict[str, int]:
    return dict(Counter(word for word in words if word).most_common())


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""
