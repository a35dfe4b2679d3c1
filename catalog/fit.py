"""Whether a listing fits a buyer's own use: asked of Sekisho, which has the dossier and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

_BUYERS_LENGTH = 60
_LARGEST = 10_000_000_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """What the buyer means to do with it."""

    buyer: str
    confidentiality: int
    personal_data: bool
    my_number: bool
    low_impact: bool
    value_jpy: int | None

    @classmethod
    def from_parameters(cls, parameters: Iterable[tuple[str, str]]) -> Use | None:
        """The use that a form's parameters tell; None where the form was not sent.

        :raises ValueError: for values that the form does not have.
        """
        told = dict(parameters)
        if "confidentiality" not in told:
            return None
        buyer, confidentiality = told.get("buyer", ""), told["confidentiality"]
        value = told.get("value_jpy", "").replace(",", "").strip()
        if len(buyer) > _BUYERS_LENGTH or confidentiality not in {"1", "2", "3"}:
            raise ValueError("not a use")
        if value and not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= _LARGEST):
            raise ValueError("not an amount")
        return cls(
            buyer,
            int(confidentiality),
            "personal_data" in told,
            "my_number" in told,
            "low_impact" in told,
            int(value) if value else None,
        )

    def query(self) -> dict[str, str]:
        """The parameters of Sekisho's own question."""
        asked = {
            "confidentiality": str(self.confidentiality),
            "personal_data": str(self.personal_data).lower(),
            "my_number": str(self.my_number).lower(),
            "low_impact": str(self.low_impact).lower(),
        }
        if self.buyer:
            asked["buyer"] = self.buyer
        if self.value_jpy is not None:
            asked["value_jpy"] = str(self.value_jpy)
        return asked


@dataclass(frozen=True, slots=True)
class Fitness:
    """Sekisho's answer: ``approve``, ``review`` or ``reject`` with reasons; ``unknown`` where it gave
    none.
    """

    verdict: str
    reasons: tuple[Mapping[str, Any], ...] = ()


UNKNOWN = Fitness("unknown")


class Fits:
    """Asks Sekisho."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout

    def of(self, listing_id: str, use: Use) -> Fitness:
        """Whether a listing fits a use. That Sekisho does not answer is no answer about the listing."""
        try:
            answer = requests.get(
                f"{self._url}/v1/listings/{quote(listing_id, safe='')}/fit",
                params=use.query(),
                timeout=self._timeout,
                allow_redirects=False,
            )
            document = answer.json() if answer.status_code == 200 else {}
        except (requests.RequestException, ValueError):
            return UNKNOWN
        verdict = document.get("verdict") if isinstance(document, dict) else None
        if verdict not in {"approve", "review", "reject"}:
            return UNKNOWN
        reasons = document.get("reasons")
        found = [one for one in reasons if isinstance(one, dict)] if isinstance(reasons, list) else []
        return Fitness(verdict, tuple(found))
