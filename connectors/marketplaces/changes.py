"""What a foreign catalog changed since it was last imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.marketplaces.foreign import ForeignCatalog, Remark, remark
from connectors.strict import Unexpected, member_object
from pipeline.documents import Json, canonical, digest, read_json

_FORM = "foreign-catalog/1"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is kept of an import for the next one: every row as it was written."""

    marketplace: str
    shape: str
    stamp: str
    rows: Mapping[str, Json]

    @classmethod
    def of(cls, catalog: ForeignCatalog) -> Snapshot:
        """The snapshot of a catalog just read."""
        rows = {listing.id: listing.written for listing in catalog.listings}
        return cls(catalog.marketplace, catalog.shape, catalog.stamp, rows)

    @classmethod
    def read(cls, body: bytes) -> Snapshot:
        """The snapshot that :attr:`document` wrote.

        :raises Unexpected: for anything else.
        """
        kept = member_object(read_json(body), "the state")
        if kept.get("form") != _FORM or digest(kept.get("rows")) != kept.get("digest"):
            raise Unexpected("the state is not as it was written")
        return cls(kept["marketplace"], kept["shape"], kept["stamp"], kept["rows"])

    @property
    def digest(self) -> str:
        """The name of the content. The time stamp does not belong to it."""
        return digest(dict(self.rows))

    @property
    def document(self) -> bytes:
        """The form in which it is kept."""
        return canonical(
            {
                "form": _FORM,
                "marketplace": self.marketplace,
                "shape": self.shape,
                "stamp": self.stamp,
                "digest": self.digest,
                "rows": dict(self.rows),
            }
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference of two snapshots, by id; ``fields`` names what differs in a row that is in both.

    Values are compared as they are written: a space that went is a change too, though to nobody's surprise.
    """

    added: Sequence[str]
    removed: Sequence[str]
    fields: Mapping[str, Sequence[str]]
    status: Mapping[str, tuple[Any, Any]]
    status_field: str
    remarks: Sequence[Remark] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.fields)

    def as_json(self) -> dict[str, Any]:
        """As the command prints it."""
        return {
            "added": list(self.added),
            "removed": list(self.removed),
            "changed_count": len(self.fields),
            f"changed_{self.status_field.lower()}": {id_: list(pair) for id_, pair in self.status.items()},
            "changed_fields": {id_: list(names) for id_, names in self.fields.items()},
        }


def changes(before: Snapshot | None, now: Snapshot, status_field: str) -> Changes:
    """What is in ``now`` and was not so ``before``. Without a snapshot before, everything is added."""
    old = {} if before is None else before.rows
    added = sorted(now.rows.keys() - old.keys())
    removed = sorted(old.keys() - now.rows.keys())
    if before is not None and before.shape != now.shape:
        return Changes(added, removed, {}, {}, status_field, [remark("import.shape_changed")])
    fields = {}
    for id_, row in now.rows.items():
        was = old.get(id_)
        if was is not None and was != row:
            names = sorted(name for name in row.keys() | was.keys() if row.get(name) != was.get(name))
            if names:
                fields[id_] = names
    status = {
        id_: (old[id_].get(status_field), now.rows[id_].get(status_field))
        for id_, names in fields.items()
        if status_field in names
    }
    found = Changes(added, removed, fields, status, status_field)
    if before is not None and not found and before.stamp != now.stamp:
        return Changes((), (), {}, {}, status_field, [remark("import.fresh_stamp_old_content")])
    return found
