"""The index and what is found in it, on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.client import Kind, Listing, state_digest
from catalog.index import Index
from catalog.search import Busy, NotAQuestion, Question, Search
from pipeline import schemas
from tests.catalog.offers import AT, DAY, document, feed, gone, listing_id, named, published
from tests.databases import fresh_database


@pytest.fixture(params=["sqlite", "postgresql"])
def index(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Index]:
    if request.param == "sqlite":
        opened = Index(f"sqlite:///{tmp_path}/catalog.db")
        yield opened
        opened.close()
    else:
        with fresh_database(request.getfixturevalue("postgres_url")) as url:
            opened = Index(url)
            yield opened
            opened.close()


def ids(index: Index, question: Question, position: int | None = None, day: date = DAY) -> list[str]:
    search = Search(index)
    return [stored.listing_id for stored in index.stored(search.rows_of(question, day, position))]


def test_the_sample_obeys_the_published_schema() -> None:
    schema = schemas.find("listing", 2)
    assert schema is not None
    assert schema.violations(document()) == []


def test_words_of_any_length_are_found_in_either_language(index: Index) -> None:
    documents = [
        named(1, "みなと財務会計"),
        named(2, "ほしぞらボード", summary={"ja": "AIが期限を知らせる", "en": "A board that warns"}),
        named(3, "板", summary={"ja": "100%の_安全", "en": 'Says "hello" OR nothing'}),
    ]
    index.apply(feed(documents), 3)
    for asked, expected in {
        "会計": {1},
        "会": {1, 2, 3},
        "財": {1},
        "財務会計": {1},
        "ボード": {2},
        "ﾎﾞｰﾄﾞ": {2},
        "AI": {2},
        "ai": {2},
        "期限 ほし": {2},
        "warns": {2},
        "WARN": {2},
        "板": {3},
        "100%": {3},
        "%の_": {3},
        '"hello"': {3},
        'hello" OR "warns': set(),
        "OR nothing": {3},
        "みほん": {1, 2, 3},
        "5260001990019": {1, 2, 3},
        "何もない": set(),
        "*": set(),
        "会計*": set(),
        "name:会計": set(),
        "'; DROP TABLE change; --": set(),
        "": {1, 2, 3},
    }.items():
        assert set(ids(index, Question(asked))) == {listing_id(number) for number in expected}, asked


def test_a_match_in_the_name_goes_before_one_in_the_text(index: Index) -> None:
    documents = [
        named(1, "あおぞら", summary={"ja": "会計の道具"}),
        named(2, "わかば会計", summary={"ja": "道具"}),
    ]
    index.apply(feed(documents), 2)
    assert ids(index, Question("会計")) == [listing_id(2), listing_id(1)]
    assert ids(index, Question("会計", sort="name")) == [listing_id(1), listing_id(2)]


def test_a_match_in_the_name_has_to_meet_the_facets_too(index: Index) -> None:
    index.apply(feed([named(1, "会計", category="chat"), named(2, "べつの会計")]), 2)
    asked = Question.from_parameters([("q", "会計"), ("category", "accounting")])
    assert ids(index, asked) == [listing_id(2)]


def test_facets_count_what_each_choice_would_leave(index: Index) -> None:
    documents = [
        document(1),
        document(2, data=[{"class": "content", "at_rest": ["DE"]}]),
        document(3, data=[{"class": "content", "at_rest": ["US"]}], ismap={"list": "ismap-liu"}),
        document(4, data=[{"class": "content", "at_rest": ["GB"]}], buyers=[]),
    ]
    index.apply(feed(documents), 4)
    search = Search(index)
    hits = search.hits(Question(), DAY)
    counts = {
        (name, one.code): (one.total, one.verified) for name, all_ in hits.counts.items() for one in all_
    }
    assert counts["residency", "jp"] == (1, 0)
    assert counts["residency", "jp-eea"] == (2, 0)
    assert counts["residency", "jp-eea-gb"] == (3, 0)
    assert counts["certificate", "ismap"] == (3, 3)
    assert counts["certificate", "ismap-liu"] == (4, 4)
    chosen = search.hits(Question.from_parameters([("residency", "jp-eea"), ("buyer", "kobe-city")]), DAY)
    assert chosen.total == 2
    left = {one.code: one.total for one in chosen.counts["residency"]}
    assert left == {"jp-only": 0 + 1, "jp": 1, "jp-eea": 2, "jp-eea-gb": 2}, "its own choice does not count"
    either = Question.from_parameters([("residency", "jp"), ("residency", "jp-eea-gb")])
    assert search.hits(either, DAY).total == 3


def test_only_what_a_source_confirmed(index: Index) -> None:
    unconfirmed = document(2, origins={"": {"status": "declared"}})
    index.apply(feed([document(1), unconfirmed]), 2)
    asked = [("certificate", "ismap-liu")]
    assert len(ids(index, Question.from_parameters(asked))) == 2
    assert ids(index, Question.from_parameters([*asked, ("basis", "verified")])) == [listing_id(1)]


def test_a_certificate_counts_through_its_last_day(index: Index) -> None:
    index.apply(feed([document(1, ismap={"list": "ismap", "valid_to": "2026-12-31"})]), 1)
    asked = Question.from_parameters([("certificate", "ismap")])
    search = Search(index)
    assert search.hits(asked, date(2026, 12, 31)).total == 1
    index.apply([published(2, document(1, ismap={"list": "ismap", "valid_to": "2027-12-31"}))], 2)
    assert search.hits(asked, date(2027, 1, 1)).total == 1, "the end of what went does not count"
    assert search.hits(asked, date(2028, 1, 1)).total == 0
    assert search.hits(asked, date(2027, 12, 31)).total == 1


def test_a_claim_that_outlasts_its_proof_is_declared_from_then_on(index: Index) -> None:
    proven = {"": {"status": "declared"}, "/ismap": {"status": "verified", "source": "jp.ismap", "at": ""}}
    liu = [{"type": "ISMAP-LIU", "valid_to": "2027-12-31"}]
    ismap = {"list": "ismap", "valid_to": "2026-12-31"}
    index.apply(feed([document(1, ismap=ismap, certifications=liu, origins=proven)]), 1)
    search = Search(index)
    for day, expected in (
        (date(2026, 12, 31), (1, 1)),
        (date(2027, 1, 1), (1, 0)),
        (date(2028, 1, 1), (0, 0)),
    ):
        counts = {one.code: one for one in search.hits(Question(), day).counts["certificate"]}
        assert (counts["ismap-liu"].total, counts["ismap-liu"].verified) == expected
        fresh = Search(index).hits(Question(), day)
        assert search.hits(Question(), day) == fresh


def test_what_goes_out_is_found_no_more_and_as_of_before_it_still_is(index: Index) -> None:
    index.apply(feed([document(1), document(2)]), 2)
    search = Search(index)
    assert search.hits(Question(), DAY).total == 2
    index.apply([gone(3, listing_id(1))], 3)
    assert search.hits(Question(), DAY).total == 1
    assert ids(index, Question("会計"), position=2) == [listing_id(1), listing_id(2)]
    stored = index.listing(listing_id(1))
    assert stored is not None
    assert (stored.is_in, stored.kind, stored.reason) == (False, "suspended", "ISMAP_ENDED")
    index.apply([published(4, document(1), Kind.RESTORED)], 4)
    assert search.hits(Question(), DAY).total == 2
    changed = document(2, version=2, product={**document(2)["product"], "name": {"ja": "べつの名"}})
    index.apply([published(5, changed)], 5)
    assert search.hits(Question("べつの"), DAY).total == 1
    assert search.hits(Question("みほん会計2"), DAY).total == 0
    assert search.hits(Question("みほん会計2"), DAY, position=4).total == 1
    assert [one.version for one in index.history(listing_id(2))] == [2, 1]


def test_changes_applied_again_change_nothing(index: Index) -> None:
    changes = feed([document(1), document(2)])
    index.apply(changes, 2)
    index.apply(changes, 2)
    index.apply([*changes, gone(3, listing_id(1))], 3)
    index.apply(changes[:1], 1)
    assert index.position() == 3
    assert len(index.history(listing_id(1))) == 2


def test_a_snapshot_takes_the_place_of_what_was_and_says_since_when_all_is_known(index: Index) -> None:
    index.apply(feed([document(1), document(2)]), 2)
    listings = [
        Listing(change.listing_id, change.version, AT, str(change.digest), change.data or {})
        for change in feed([document(2), document(3)])
    ]
    index.replace(iter(listings), 9)
    assert set(ids(index, Question())) == {listing_id(2), listing_id(3)}
    assert (index.position(), index.known_since()) == (9, 9)
    assert len(index.history(listing_id(2))) == 1, "it is the same, so nothing happened to it"
    expected = state_digest((one.listing_id, one.version, one.digest) for one in listings)
    assert state_digest(index.digests(9)) == expected
    index.replace(iter(listings[:1]), 4)
    assert (index.position(), ids(index, Question())) == (4, [listing_id(2)]), "an earlier day begins anew"


def test_a_snapshot_that_breaks_off_leaves_everything_as_it_was(index: Index) -> None:
    index.apply(feed([document(1)]), 1)

    def broken() -> Iterator[Listing]:
        yield Listing(listing_id(2), 1, AT, "sha256:x", document(2))
        raise OSError("broke off")

    with pytest.raises(OSError, match="broke off"):
        index.replace(broken(), 5)
    assert (index.position(), ids(index, Question())) == (1, [listing_id(1)])


def test_an_index_is_read_again_by_a_release_that_reads_otherwise(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/catalog.db"
    index = Index(url)
    index.apply(feed([document(1), document(2)]), 2)
    index.close()
    monkeypatch.setattr("catalog.reading.VERSION", "next")
    monkeypatch.setattr("catalog.reading.OPEN_FORMATS", frozenset({"xml"}))
    again = Index(url)
    search = Search(again)
    assert search.hits(Question("会計"), DAY).total == 2
    assert search.hits(Question.from_parameters([("exit", "open-format")]), DAY).total == 0
    again.close()


@pytest.mark.parametrize("sort", ["match", "name", "new", "price"])
def test_pages_go_through_everything_once(index: Index, sort: str) -> None:
    documents = [named(number, f"会計{number % 3}") for number in range(1, 48)]
    index.apply(feed(documents), len(documents))
    search = Search(index)
    question: Question | None = Question("会計", sort=sort)
    seen: list[int] = []
    while question is not None:
        hits = search.hits(question, DAY, limit=10)
        seen += hits.rows
        question = hits.following
    assert len(seen) == len(set(seen)) == 47
    assert seen == search.rows_of(Question("会計", sort=sort), DAY)


def test_a_page_does_not_slip_when_something_comes_before_it(index: Index) -> None:
    index.apply(feed([named(number, f"名{number:02d}") for number in range(10, 20)]), 10)
    search = Search(index)
    first = search.hits(Question(sort="name"), DAY, limit=5)
    index.apply([published(11, named(1, "名00"))], 11)
    assert first.following is not None
    second = search.hits(first.following, DAY, limit=5)
    names = [(stored.document or {})["product"]["name"]["ja"] for stored in index.stored(second.rows)]
    assert names == [f"名{number:02d}" for number in range(15, 20)]


@pytest.mark.parametrize(
    "parameters",
    [
        [("residency", "moon")],
        [("sort", "random")],
        [("basis", "hearsay")],
        [("q", "x" * 201)],
        [("prefecture", "x" * 61)],
        [("language", str(number)) for number in range(20)],
    ],
)
def test_a_url_that_asks_nonsense_is_told_so(parameters: list[tuple[str, str]]) -> None:
    with pytest.raises(NotAQuestion):
        Question.from_parameters(parameters)


@given(st.text(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_cursor_of_somebody_else_is_refused(cursor: str) -> None:
    from catalog.search import _read_cursor

    for sort in ("name", "new", "price"):
        try:
            read = _read_cursor(cursor, sort)
        except NotAQuestion:
            continue
        assert read is None


@given(st.lists(st.tuples(st.sampled_from(["q", "residency", "sort", "basis", "x"]), st.text(max_size=8))))
def test_a_question_is_the_same_after_its_own_url(parameters: list[tuple[str, str]]) -> None:
    try:
        question = Question.from_parameters(parameters)
    except NotAQuestion:
        return
    assert Question.from_parameters(question.parameters()) == question


def test_who_asks_for_the_past_does_not_keep_the_others_waiting(tmp_path: Any) -> None:
    index = Index(f"sqlite:///{tmp_path}/catalog.db")
    index.apply(feed([document(1), document(2)]), 2)
    search = Search(index)
    entered, go_on = threading.Event(), threading.Event()
    rows = index.rows

    def slow(position: int) -> Any:
        if position == 1:
            entered.set()
            assert go_on.wait(30)
        return rows(position)

    index.rows = slow  # type: ignore[method-assign]
    past: list[int] = []
    thread = threading.Thread(target=lambda: past.append(search.hits(Question(), DAY, position=1).total))
    thread.start()
    assert entered.wait(30)
    assert search.hits(Question("会計"), DAY).total == 2
    with pytest.raises(Busy):
        search.hits(Question(), DAY, position=0)
    go_on.set()
    thread.join(30)
    assert past == [1]
    assert search.hits(Question(), DAY, position=0).total == 0
    index.close()


def test_searches_beside_changes_are_each_of_one_position(tmp_path: Any) -> None:
    index = Index(f"sqlite:///{tmp_path}/catalog.db")
    search = Search(index)
    index.apply(feed([named(1, "会計1")]), 1)
    faults: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            hits = search.hits(Question("会計"), DAY)
            if hits.total != hits.position:
                faults.append(f"{hits.total} at {hits.position}")

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for position in range(2, 120):
        index.apply([published(position, named(position, f"会計{position}"))], position)
    stop.set()
    for thread in threads:
        thread.join(30)
    assert faults == []
    assert search.hits(Question("会計"), DAY).total == 119
    index.close()


def test_random_changes_leave_the_state_that_a_fresh_reader_builds(tmp_path: Any) -> None:
    index = Index(f"sqlite:///{tmp_path}/catalog.db")
    dice = random.Random(4)
    following = Search(index)
    position = 0
    standing: dict[int, int] = {}
    states: dict[int, list[str]] = {}
    for _ in range(150):
        batch = []
        for _ in range(dice.randint(1, 4)):
            position += 1
            number = dice.randint(1, 12)
            if number in standing and dice.random() < 0.4:
                del standing[number]
                batch.append(gone(position, listing_id(number)))
            else:
                standing[number] = standing.get(number, 0) + 1
                places = [{"class": "content", "at_rest": [dice.choice(["JP", "DE", "US"])]}]
                batch.append(published(position, document(number, version=position, data=places)))
        index.apply(batch, position)
        question = Question.from_parameters(
            [("residency", "jp-eea"), ("sort", dice.choice(["name", "price"]))]
        )
        fresh = Search(index).hits(question, DAY)
        assert following.hits(question, DAY) == fresh
        assert set(following.state(DAY).by_id) == {listing_id(number) for number in standing}
        states[position] = ids(index, Question(sort="name"))
    for at in dice.sample(sorted(states), 20):
        assert ids(index, Question(sort="name"), position=at) == states[at]
    assert following.hits(Question(), DAY + timedelta(days=3000)).counts["certificate"][0].total == 0
    index.close()
