"""The sandbox's world: what is written holds together, what is made is the same every time."""

from __future__ import annotations

from datetime import date, timedelta
from importlib import resources

import pytest
import stdnum.lei
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sandbox.registers.gleif import GleifRegister
from connectors.sandbox.registers.nta import APPLICATION_ID, NtaRegister
from connectors.sandbox.world import Company, World, generate, lei, load, read
from pipeline.corporate_number import is_well_formed

WRITTEN = resources.files("connectors.sandbox").joinpath("world.yaml").read_text(encoding="utf-8")


def facts(company: Company) -> tuple[object, ...]:
    return (company.key, company.name_en, company.chapters, dict(company.identifiers), company.lei)


def assert_numbers_are_right(world: World) -> None:
    seen = set()
    for company in world.companies:
        assert company.identifiers
        for scheme, number in company.identifiers.items():
            assert (scheme, number) not in seen
            seen.add((scheme, number))
            assert world.find(scheme, number) is company
            if scheme == "JP-JCN":
                assert is_well_formed(number)
            if scheme == "XI-LEI":
                assert len(number) == 20
                assert stdnum.lei.is_valid(number)


def test_the_written_world_has_right_numbers_and_one_company_for_each() -> None:
    assert_numbers_are_right(load())


def test_every_company_is_known_to_the_registers_of_its_numbers() -> None:
    world = load()
    nta, gleif = NtaRegister(world), GleifRegister(world, "http://127.0.0.1:1")
    for company in world.companies:
        if "JP-JCN" in company.identifiers:
            number = company.identifiers["JP-JCN"]
            for form in ("01", "02", "12"):
                reply = nta.answer("num", f"id={APPLICATION_ID}&number={number}&type={form}&history=1")
                assert reply.status == 200
                assert number.encode() in reply.body
        if "XI-LEI" in company.identifiers:
            assert gleif.answer(f"lei-records/{company.identifiers['XI-LEI']}", "").status == 200


def test_no_company_lies_where_real_numbers_are() -> None:
    for company in (*load().companies, *generate(300).companies):
        assert company.identifiers.get("JP-JCN", "9" * 13)[7:] >= "900000"
        assert company.identifiers.get("XI-LEI", "SAND").startswith("SAND")


def test_chapters_follow_one_another_and_the_last_is_the_present() -> None:
    world = load()
    renamed = world.company("canvas")
    assert [(chapter.since, chapter.name) for chapter in renamed.chapters] == [
        (date(2011, 8, 22), "株式会社青空工程管理"),
        (date(2026, 4, 1), "株式会社ブルーキャンバス"),
    ]
    assert renamed.name == "株式会社ブルーキャンバス"
    moved = world.company("hokkyokusei")
    assert [chapter.address.region for chapter in moved.chapters] == ["JP-07", "JP-01"]
    assert moved.address.lines == ("99-9 Minami 2-jo Nishi",)


def test_a_merger_is_seen_from_both_companies() -> None:
    world = load()
    ended = world.company("suzume")
    assert ended.closure is not None
    assert world.absorbed_by(world.company(ended.closure.successor)) == (ended,)


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('JP-JCN: "6010001990001"', 'JP-JCN: "7010001990001"', "wrong check digit"),
        ("SAND00HOMEIELECTRC51", "SAND00HOMEIELECTRC52", "wrong check digit"),
        ("SAND00HOMEIELECTRC51", "98", "wrong check digit"),
        ('IE-CRO: "990030"', "IE-CRO: 990030", "quotation marks"),
        ('JP-JCN: "3011001990002"', 'JP-JCN: "6010001990001"', "used twice"),
        ("key: kotonoha", "key: homei", "used twice"),
        ("successor: kasasagi", "successor: nobody", "no successor"),
        ('country: "NO"\n', "country: NO\n", "bare NO"),
        ('{GB-COH: "SC990028",', '{JP-JCN: "5011001900000",', "without an address in Japan"),
        ("kind: hang", "kind: hangs", "hangs"),
    ],
)
def test_a_world_that_contradicts_itself_is_refused(right: str, wrong: str, complaint: str) -> None:
    assert right in WRITTEN
    with pytest.raises(ValueError, match=complaint):
        read(WRITTEN.replace(right, wrong, 1))


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 400), seed=st.integers(0, 2**32))
def test_made_companies_have_right_numbers_and_are_the_same_every_time(n: int, seed: int) -> None:
    world = generate(n, seed)
    assert len(world.companies) == n
    assert_numbers_are_right(world)
    assert list(map(facts, world.companies)) == list(map(facts, generate(n + 8, seed).companies[:n]))


def test_made_companies_stand_beside_the_written_ones() -> None:
    assert_numbers_are_right(load() + generate(200))


def test_there_are_not_more_made_companies_than_numbers() -> None:
    with pytest.raises(ValueError, match="companies"):
        generate(10_000_000)
    with pytest.raises(ValueError, match="companies"):
        generate(-1)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=18, max_size=18))
def test_an_lei_of_any_body_is_valid_and_no_other_check_digits_are(body: str) -> None:
    number = lei(body)
    assert len(number) == 20
    assert stdnum.lei.is_valid(number)
    assert not stdnum.lei.is_valid(body + f"{(int(number[-2:]) + 1) % 97 + 2:02d}")


def test_two_worlds_are_as_of_the_later_day() -> None:
    early = load()
    late = World(early.as_of + timedelta(days=1), ())
    assert (early + late).as_of == (late + early).as_of == late.as_of
