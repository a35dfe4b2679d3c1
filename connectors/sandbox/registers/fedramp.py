"""The data of FedRAMP's marketplace: ``data.json``, with what the genuine feed does to its readers.

One offering comes twice, once with a space before its id and its status in other letters; dates are words
where there is none; the time stamp of the feed is fresh whatever it says.
"""

from __future__ import annotations

import json
from typing import Any

from connectors.sandbox.registers import Reply
from connectors.sandbox.world import Offering, World

_AT = "T20:00:00.000Z"


class FedrampRegister:
    """``us.fedramp``: the whole feed."""

    source = "us.fedramp"
    base = "fedramp"

    def __init__(self, world: World) -> None:
        rows = [_row(world, offering) for offering in world.offerings]
        again = [
            {**row, "id": f" {row['id']}", "status": str(row["status"]).upper(), "csp": f"{row['csp']} "}
            for row in rows[:1]
        ]
        feed = {
            "meta": {"last_change": f"{world.as_of}T07:22:45.200Z", "produced_by": "Sandbox"},
            "data": {"Products": [*rows, *again]},
        }
        self._feed = json.dumps(feed).encode()

    def answer(self, path: str, query: str) -> Reply:  # noqa: ARG002 - a file has no query
        """Answer the file. It is about nobody in particular."""
        if path != "data.json":
            return Reply(404, "text/plain", b"404: Not Found")
        return Reply(200, "text/plain; charset=utf-8", self._feed)


def _row(world: World, offering: Offering) -> dict[str, Any]:
    provider = world.company(offering.company)
    authorized = f"{offering.authorized_on}{_AT}" if offering.authorized_on else "Not Active"
    return {
        "id": offering.id,
        "name": provider.name,
        "csp": provider.name,
        "cso": offering.offering,
        "service_offering": offering.offering,
        "status": offering.status,
        "ready_status": "Not Active",
        "ready_date": "No FRR Date",
        "auth_date": authorized,
        "auth_type": "Agency",
        "fedramp_auth": authorized,
        "annual_assessment": "03/01" if offering.authorized_on else "",
        "independent_assessor": "Sandbox Assessors",
        "service_model": ["SaaS"],
        "deployment_model": "Government Community Cloud",
        "impact_level": offering.impact_level,
        "uei": provider.identifiers.get("US-UEI", ""),
    }
