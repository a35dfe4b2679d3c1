"""Applications to send: a listed sample, each time with another vendor, maker and product of the sandbox."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, cycle

from cli.client import wrap
from cli.samples import samples
from connectors.sandbox.world import generate
from pipeline.lifecycle import State

COMPANIES = 8000
"""How many companies the sandbox makes; seven of eight can be vendors, the others makers."""

SEED = 7


def bodies() -> Iterator[bytes]:
    """Webhook bodies without end. A vendor in the corporate number register resells for a maker with an LEI,
    so that each register is asked once; the policy approves every one of them.
    """
    pattern = next(
        sample.document
        for sample in samples()
        if sample.outcome is State.LISTED and sample.document["vendor"]["role"] == "reseller"
    )
    companies = generate(COMPANIES, SEED).companies
    vendors = cycle(company for company in companies if "JP-JCN" in company.identifiers)
    makers = cycle(company for company in companies if "XI-LEI" in company.identifiers)
    for number, vendor, maker in zip(count(1), vendors, makers):
        document = copy.deepcopy(dict(pattern))
        document["vendor"]["name"] = vendor.name
        document["vendor"]["identifiers"] = [{"scheme": "JP-JCN", "id": vendor.identifiers["JP-JCN"]}]
        document["maker"]["name"] = maker.name
        document["maker"]["country"] = maker.country
        document["maker"]["identifiers"] = [{"scheme": "XI-LEI", "id": maker.identifiers["XI-LEI"]}]
        document["product"]["code"] = f"bench-{number}"
        yield wrap(document, datetime.now(UTC))
