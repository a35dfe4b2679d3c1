"""The reader of award files against a published row and deviations from it."""

from __future__ import annotations

import pytest

from connectors.p_portal import read_awards
from connectors.strict import Unexpected


@pytest.fixture(scope="session")
def sample(reference):
    return (reference / "registries-jp/samples/p-portal/successful_bid_row_W1.csv").read_bytes()


def test_a_published_row(sample):
    assert read_awards(sample) == [
        {
            "case": "0000000000000496653",
            "title": "令和7年度デジタル人材採用に係る求人サービス等の利用支援",
            "awarded_on": "2026-04-01",
            "price_jpy": "31389000.00",
            "ministry": "W1",
            "method": "8004030",
            "number": "7011003005763",
            "winner": "Ｐｏｌｅ＆Ｌｉｎｅ合同会社",
        }
    ]
    assert len(read_awards(sample * 1 + sample.removeprefix(b"\xef\xbb\xbf"))) == 2


def test_a_winner_without_a_number_is_not_recorded(sample):
    [award] = read_awards(sample.replace(b"7011003005763", b""))
    assert not award.keys() & {"winner", "number"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("31389000.00", "31,389,000"),
        ("2026-04-01", "2026/04/01"),
        ("8004030", "8004"),
        ("7011003005763", "70110030057"),
        ('"W1",', ""),
        ('"W1"', '"'),
        ("0000000000000496653", "496653"),
    ],
)
def test_another_shape_is_unexpected(sample, old, new):
    text = sample.decode("utf-8-sig")
    assert old in text
    with pytest.raises(Unexpected):
        read_awards(text.replace(old, new).encode())
    with pytest.raises(Unexpected):
        read_awards(text.encode("cp932"))
