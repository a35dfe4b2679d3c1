"""Whom in an application there is cause to ask about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.documents import Json
from pipeline.identifiers import OrganisationId


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation of the application: its role in it, its declared name and its identifiers."""

    role: str
    name: str
    identifiers: tuple[OrganisationId, ...]

    def identified_by(self, scheme: str) -> Iterator[OrganisationId]:
        """Its identifiers of this scheme, in the order declared."""
        return (identifier for identifier in self.identifiers if identifier.scheme == scheme)


def parties(application: Json) -> Iterator[Party]:
    """The vendor, and the maker where the vendor sells what another makes.

    The application is one that its schema has accepted.
    """
    for role in ("vendor", "maker"):
        party = application.get(role)
        if party is not None:
            identifiers = tuple(
                OrganisationId(identifier["scheme"], identifier["id"])
                for identifier in party.get("identifiers", ())
            )
            yield Party(role, party["name"], identifiers)
