"""The foreign connectors before the conformance kit, over what the sandbox's registers answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from connectors import brreg, companies_house, entreprises, fedramp, gleif, installed, vies, yente
from connectors.conformance import CASES, Reply, Specimen
from connectors.reasons import Reason
from connectors.sandbox.server import serving
from connectors.sandbox.world import load
from pipeline.identifiers import OrganisationId
from pipeline.model import Inquiry

WORLD = load()
SUBJECTS = {
    companies_house: ("companies-house", "thistledown", "GB-COH", "99999999"),
    brreg: ("brreg/enhetsregisteret/api", "nordlys", "NO-BRC", "999003613"),
    entreprises: ("recherche-entreprises", "bacasable", "FR-INSEE", "356000000"),
    vies: ("vies/rest-api", "comeragh", "XI-VAT", "IE9900309D"),
    fedramp: ("fedramp", "lanternfish", "US-UEI", "SANDNXBXDY11"),
    yente: ("yente", "windmolen", "XI-LEI", "5299001ERX0K10IZUL40"),
    gleif: ("gleif/api/v1", "homei", "XI-LEI", "5299001ERX0K10IZUL40"),
}
SETTINGS = {"api_key": "K9secret", "legal_basis": "tests"}
NOT_FOUND = Reply(b"", "text/html", "404 Not Found")


def emptied(module, found: Reply) -> Reply:
    """What the source answers to the same question when it knows nobody."""
    if module in {companies_house, brreg, gleif}:
        return NOT_FOUND
    document = json.loads(found.body)
    if module is entreprises:
        document |= {"results": [], "total_results": 0}
    elif module is vies:
        document |= {"valid": False, "name": "---"}
    elif module is fedramp:
        for row in document["data"]["Products"]:
            row["uei"] = ""
    else:
        for matches in document["responses"].values():
            matches["results"] = []
    return replace(found, body=json.dumps(document).encode())


@pytest.fixture(scope="module")
def specimens():
    made = {}
    with serving(WORLD) as root:
        for module, (base, key, scheme, other) in SUBJECTS.items():
            company = WORLD.company(key)
            subject = OrganisationId(scheme, company.identifiers[scheme])
            inquiry = Inquiry(module.SOURCE, "vendor", subject, company.name)
            connector = module.connector({**SETTINGS, "base_url": f"{root}/{base}"})
            capture = connector.fetch(inquiry)
            connector.close()
            found = Reply(capture.body, capture.media_type)
            absent = emptied(module, found)
            made[module] = Specimen(
                factory=module.connector,
                inquiry=inquiry,
                found=(found,),
                absent=(absent,),
                other=replace(inquiry, subject=OrganisationId(scheme, other)),
                settings=SETTINGS,
                secrets=frozenset({"api_key"}),
                status_404="absent" if absent is NOT_FOUND else Reason.REFUSED,
            )
    return made


@pytest.mark.parametrize("module", SUBJECTS, ids=lambda module: module.SOURCE)
@pytest.mark.parametrize("case", CASES)
def test_it_conforms(specimens, module, case):
    CASES[case](specimens[module])


def test_every_foreign_source_is_in_the_fault_table():
    foreign = {source for source in installed.BUILT_IN if not source.startswith("jp.")}
    assert {module.SOURCE for module in SUBJECTS} == foreign
