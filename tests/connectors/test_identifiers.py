"""Identifiers by scheme: check digits, and the lengths and alphabets that a check digit alone lets pass."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
import stdnum.lei
from hypothesis import given
from hypothesis import strategies as st

from connectors.identifiers import SCHEMES, is_well_formed
from pipeline.identifiers import OrganisationId

RIGHT = [
    ("JP-JCN", "7000012050002"),
    ("XI-LEI", "5299001ERX0K10IZUL40"),
    ("XI-LEI", "549300YAWIFS8273O417"),
    ("GB-COH", "00445790"),
    ("GB-COH", "SC090312"),
    ("GB-COH", "R0000123"),
    ("GB-COH", "FC032315"),
    ("GB-COH", "IP00123R"),
    ("IE-CRO", "104547"),
    ("IE-CRO", "1"),
    ("NO-BRC", "923609016"),
    ("FR-INSEE", "356000000"),
    ("FR-INSEE", "418166096"),
    ("XI-VAT", "BE0244142664"),
    ("XI-VAT", "PL7740001454"),
    ("XI-VAT", "EL123456783"),
    ("XI-VAT", "XI110305878"),
    ("XI-VAT", "FR39356000000"),
    ("US-UEI", "NSDFW8DZAP24"),
    ("US-UEI", "Y5PTNH8M5GA1"),
]
WRONG = [
    ("JP-JCN", "8000012050002"),
    ("XI-LEI", "98"),
    ("XI-LEI", "5299001ERX0K10IZUL41"),
    ("XI-LEI", "5299001erx0k10izul40"),
    ("XI-LEI", "5299001ERX0K10IZUL40 "),
    ("XI-LEI", "５２９９001ERX0K10IZUL40"),
    ("GB-COH", "00000000"),
    ("GB-COH", "445790"),
    ("GB-COH", "sc090312"),
    ("GB-COH", "S1090312X"),
    ("GB-COH", "1C090312"),
    ("GB-COH", "00445790\n"),
    ("IE-CRO", "0"),
    ("IE-CRO", "1045477"),
    ("NO-BRC", "923609017"),
    ("NO-BRC", "923 609 016"),
    ("FR-INSEE", "356000001"),
    ("FR-INSEE", "35600000000048"),
    ("XI-VAT", "BE244142664"),
    ("XI-VAT", "GB110305878"),
    ("XI-VAT", "GR123456783"),
    ("XI-VAT", "EL123456784"),
    ("XI-VAT", "EL 123456783"),
    ("XI-VAT", "PL"),
    ("US-UEI", "0SDFW8DZAP24"),
    ("US-UEI", "NSDFW8DZAPO4"),
    ("US-UEI", "N8MAWLN45HN5SAM"),
    ("XX-YYY", "1"),
]


@pytest.mark.parametrize(("scheme", "number"), RIGHT)
def test_well_formed(scheme, number):
    assert is_well_formed(OrganisationId(scheme, number))


@pytest.mark.parametrize(("scheme", "number"), WRONG)
def test_not_well_formed(scheme, number):
    assert not is_well_formed(OrganisationId(scheme, number))


def test_every_scheme_of_an_application_is_known():
    document = json.loads(files("pipeline.schemas").joinpath("application-1.json").read_bytes())
    assert set(SCHEMES) == set(document["$defs"]["identifier"]["properties"]["scheme"]["enum"])


@given(scheme=st.sampled_from(sorted(SCHEMES)), number=st.text(max_size=24))
def test_no_text_raises(scheme, number):
    if is_well_formed(OrganisationId(scheme, number)):
        assert number.isascii()
        assert number == number.strip().upper()


@given(st.from_regex(r"[0-9A-Z]{18}[0-9]{2}", fullmatch=True))
def test_an_lei_is_right_when_its_check_digits_are(number):
    assert is_well_formed(OrganisationId("XI-LEI", number)) == stdnum.lei.is_valid(number)
