"""Audit files: what is whole passes, and whatever is done to one is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from pipeline.audit import END_KIND, Export, Fault, Report, Selection, verify
from pipeline.documents import canonical, sha256
from pipeline.errors import JournalBroken
from pipeline.identifiers import new_id
from pipeline.journal import Entry
from pipeline.model import Event
from pipeline.notary import HEAD_KIND, Notary
from pipeline.signing import KeySet, SigningKey
from storage import migrations
from storage import tables as t
from storage.database import Database
from storage.memory import SqlMemory

KEY, STRANGER = SigningKey.new(), SigningKey.new()
TRUSTED = KeySet([KEY.public])
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CASES = [new_id() for _ in range(4)]


@dataclass
class Hands:
    """The clock of a test."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


@dataclass
class Office:
    """A journal and who signs for it."""

    database: Database
    clock: Hands
    keys: Sequence[SigningKey] = (KEY,)

    @property
    def memory(self) -> SqlMemory:
        return SqlMemory(self.database)

    @property
    def notary(self) -> Notary:
        return Notary(self.memory, self.clock, self.keys, 10, timedelta(minutes=30))

    def happen(self, *events: tuple[int, str]) -> None:
        for number, name in events:
            with self.memory.write() as tx:
                tx.journal.write([Event(CASES[number], name, "担当", self.clock.now(), {"n": number})])

    def export(self, selection: Selection | None = None) -> list[bytes]:
        return list(Export(self.memory, self.clock, self.notary).lines(selection or Selection()))


@pytest.fixture
def office(sqlite_database_url: str) -> Iterator[Office]:
    database = Database(sqlite_database_url)
    yield Office(database, Hands())
    database.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Audit files of one journal: all of it, one case, a range; signed, and all of it unsigned."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('audit')}/journal.db")
    migrations.upgrade(database)
    office = Office(database, Hands())
    office.happen(*((number % 4, f"e.{number}") for number in range(9)))
    office.notary.sign_as_it_is()
    office.happen(*((number % 3, f"f.{number}") for number in range(6)))
    found = {
        "whole": office.export(),
        "case": office.export(Selection(CASES[1])),
        "range": office.export(Selection(first=4, last=11)),
        "unsigned": Office(database, office.clock, ()).export(),
    }
    database.close()
    return found


def faults(report: Report) -> set[Fault]:
    return {finding.fault for finding in report.findings}


@pytest.mark.parametrize(
    ("name", "entries", "signed_to"), [("whole", 15, 15), ("case", 4, 15), ("range", 8, 15)]
)
def test_what_was_exported_is_sound(
    files: dict[str, list[bytes]], name: str, entries: int, signed_to: int
) -> None:
    report = verify(files[name], TRUSTED)
    assert report.findings == []
    assert (report.entries, report.signed_to, report.signed_by) == (entries, signed_to, KEY.public.id)
    assert verify(files[name]).sound
    assert not verify(files[name]).trusted


def test_an_unsigned_journal_is_sound_until_somebody_asks_whose_it_is(files: dict[str, list[bytes]]) -> None:
    report = verify(files["unsigned"])
    assert report.sound
    assert report.entries == 15
    assert faults(verify(files["unsigned"], TRUSTED)) == {Fault.UNSIGNED_END}


def test_the_empty_journal_is_sound(office: Office) -> None:
    assert verify(office.export(), TRUSTED).sound
    assert verify(office.export(Selection(CASES[0])), TRUSTED).sound


names = st.sampled_from(["whole", "case", "range", "unsigned"])
anywhere = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anywhere
@given(name=names, data=st.data())
def test_every_changed_byte_is_found(files: dict[str, list[bytes]], name: str, data: st.DataObject) -> None:
    body = b"".join(files[name])
    place = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda each: each != body[place]))
    changed = body[:place] + bytes([byte]) + body[place + 1 :]
    assert not verify(changed.splitlines(keepends=True)).sound


@anywhere
@given(name=names, data=st.data())
def test_every_line_taken_out_put_in_or_moved_is_found(
    files: dict[str, list[bytes]], name: str, data: st.DataObject
) -> None:
    lines = list(files[name])
    line = lines.pop(data.draw(st.integers(0, len(lines) - 1)))
    assert not verify(lines).sound
    lines.insert(data.draw(st.integers(0, len(lines))), line)
    if lines != files[name]:
        assert not verify(lines).sound
    assert not verify([*files[name], line]).sound


@given(name=names, data=st.data())
@anywhere
def test_every_file_cut_short_is_found(files: dict[str, list[bytes]], name: str, data: st.DataObject) -> None:
    body = b"".join(files[name])
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    assert not verify(cut.splitlines(keepends=True)).sound


# What follows is done by somebody who knows the format and mends what can be mended without the key.


def with_end(lines: Sequence[bytes]) -> list[bytes]:
    """The same lines with a last one that fits them, unsigned."""
    body = b"".join(lines)
    return [*lines, canonical({"end": {"lines": len(lines), "sha256": sha256(body)}}) + b"\n"]


def entries_of(lines: Sequence[bytes]) -> list[int]:
    return [number for number, line in enumerate(lines) if line.startswith(b'{"entry"')]


def altered(line: bytes, change: Callable[[Any], None], *, rehash: bool) -> bytes:
    value = orjson.loads(line)
    change(value["entry"])
    if rehash:
        value["sha256"] = sha256(canonical(value["entry"]))
    return canonical(value) + b"\n"


CHANGES: list[Callable[[Any], None]] = [
    lambda entry: entry.update(by="x"),
    lambda entry: entry.update(at="2020-01-01T00:00:00.000000Z"),
    lambda entry: entry["data"].update(n=9),
    lambda entry: entry.update(name="x"),
    lambda entry: entry.update(case=str(new_id())),
]


@anywhere
@given(name=names, data=st.data(), rehash=st.booleans())
def test_a_changed_entry_is_found_where_it_is(
    files: dict[str, list[bytes]], name: str, data: st.DataObject, rehash: bool
) -> None:
    lines = files[name][:-1]
    places = entries_of(lines)
    place = data.draw(st.sampled_from(places))
    change = data.draw(st.sampled_from(CHANGES))
    lines[place] = altered(lines[place], change, rehash=rehash)
    report = verify(with_end(lines))
    assert not report.sound
    # The entry itself, or the next one of the chain, or of its case, which names another digest.
    first = min(finding.line for finding in report.findings)
    if not rehash:
        assert first == place + 1
        assert Fault.ENTRY_CHANGED in faults(report)
    elif name in {"case", "range"}:
        assert first == place + 1
        assert Fault.PROOF_WRONG in faults(report)
    elif place != places[-1]:
        assert first <= place + 3  # a head may stand between


@anywhere
@given(name=names, data=st.data())
def test_an_entry_taken_out_is_found_where_it_was(
    files: dict[str, list[bytes]], name: str, data: st.DataObject
) -> None:
    lines = files[name][:-1]
    places = entries_of(lines)
    taken = data.draw(st.sampled_from(places))
    del lines[taken]
    report = verify(with_end(lines))
    if name == "case" and taken == places[-1]:
        # That a case had a further entry only a whole export shows, or the signature under this file.
        assert report.sound
        assert faults(verify(with_end(lines), TRUSTED)) == {Fault.UNSIGNED_END}
        return
    expected = {
        "case": {Fault.CASE_LINK_BROKEN},
        "range": {Fault.TRUNCATED} if taken == places[-1] else {Fault.ENTRIES_MISSING},
        "whole": {Fault.HEAD_DIFFERS} if taken == places[-1] else {Fault.ENTRIES_MISSING},
        "unsigned": {Fault.TRUNCATED} if taken == places[-1] else {Fault.ENTRIES_MISSING},
    }[name]
    assert expected <= faults(report)


@anywhere
@given(name=names, data=st.data())
def test_entries_that_changed_places_are_found(
    files: dict[str, list[bytes]], name: str, data: st.DataObject
) -> None:
    lines = files[name][:-1]
    one, other = data.draw(st.lists(st.sampled_from(entries_of(lines)), min_size=2, max_size=2, unique=True))
    lines[one], lines[other] = lines[other], lines[one]
    assert Fault.OUT_OF_ORDER in faults(verify(with_end(lines)))


def rewritten(lines: Sequence[bytes], key: SigningKey, kept: int) -> list[bytes]:
    """A whole file whose journal was made anew from a changed third entry on, all digests mended."""
    from pipeline.merkle import Growth, leaf

    header = orjson.loads(lines[0])
    made: list[bytes] = []
    previous, of_case, growth = "sha256:" + "0" * 64, dict[str, str](), Growth()
    for line in lines[1:-1]:
        value = orjson.loads(line)
        if "entry" in value:
            entry = value["entry"]
            if entry["position"] > kept:
                break
            if entry["position"] == 3:
                entry["data"]["n"] = 99
            entry |= {"previous": previous, "previous_of_case": of_case.get(entry["case"])}
            previous = of_case[entry["case"]] = sha256(canonical(entry))
            growth = growth.grown([leaf(previous)])
            made.append(canonical({"entry": entry, "sha256": previous}) + b"\n")
    root = f"sha256:{growth.root.hex()}"
    head = {"position": kept, "sha256": previous, "root": root}
    header["export"] |= {"head": head, "last": kept, "keys": [key.public.as_jwk()]}
    made = [canonical(header) + b"\n", *made]
    token = key.sign(HEAD_KIND, {**head, "at": "2026-11-23T09:00:00.000000Z"})
    made.append(canonical({"head": token}) + b"\n")
    end = {"lines": len(made), "sha256": sha256(b"".join(made))}
    return [*made, canonical({"end": key.sign(END_KIND, end)}) + b"\n"]


@pytest.mark.parametrize("kept", [15, 12])
def test_a_journal_made_anew_passes_for_itself_and_for_nobody_who_knows_the_key(
    files: dict[str, list[bytes]], kept: int
) -> None:
    forged = rewritten(files["whole"], STRANGER, kept)
    assert verify(forged).sound
    assert {Fault.HEAD_NOT_SIGNED, Fault.UNSIGNED_END} <= faults(verify(forged, TRUSTED))


def heads_of(lines: Sequence[bytes]) -> list[str]:
    return [orjson.loads(line)["head"] for line in lines if line.startswith(b'{"head"')]


def test_a_kept_head_finds_what_the_key_itself_was_misused_for(files: dict[str, list[bytes]]) -> None:
    earlier, latest = heads_of(files["whole"])
    assert verify(files["whole"], TRUSTED, [earlier, latest]).sound
    assert verify(files["case"], TRUSTED, [latest]).sound
    assert faults(verify(files["case"], TRUSTED, [earlier])) == {Fault.HEAD_NOT_COMPARABLE}
    forged = rewritten(files["whole"], KEY, 12)
    assert verify(forged, TRUSTED).sound
    assert faults(verify(forged, TRUSTED, [earlier])) == {Fault.HEAD_DIFFERS}
    assert faults(verify(forged, TRUSTED, [latest])) == {Fault.TRUNCATED}
    assert faults(verify(files["whole"], TRUSTED, [STRANGER.sign(HEAD_KIND, {"position": 1})])) == {
        Fault.HEAD_NOT_SIGNED
    }


@given(lines=st.lists(st.binary(max_size=40) | st.just(b"{}\n"), max_size=5))
def test_what_is_no_audit_file_is_said_to_be_none(lines: list[bytes]) -> None:
    assert faults(verify(lines)) >= {Fault.NOT_AN_EXPORT}


members = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 20) | st.sampled_from(["", "x", "sha256:" + "0" * 64]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


@anywhere
@given(name=names, data=st.data(), value=members)
def test_a_member_of_any_other_value_is_found_and_never_a_crash(
    files: dict[str, list[bytes]], name: str, data: st.DataObject, value: Any
) -> None:
    lines = files[name][:-1]
    place = data.draw(st.integers(0, len(lines) - 1))
    document = orjson.loads(lines[place])
    parent = document[next(iter(document))] if isinstance(document[next(iter(document))], dict) else document
    member = data.draw(st.sampled_from(sorted(parent)))
    if parent[member] == value:
        return
    parent[member] = value
    lines[place] = canonical(document) + b"\n"
    report = verify(with_end(lines), TRUSTED)
    assert not report.sound
    assert orjson.dumps(report.as_json())


# What is done to the database.


def test_an_export_of_a_changed_database_says_where(office: Office) -> None:
    office.happen(*((number % 3, f"e.{number}") for number in range(12)))
    office.notary.sign_as_it_is()
    kept = heads_of(office.export())
    with office.database.write() as connection:
        connection.execute(update(t.journal).where(t.journal.c.position == 5).values(acted_by="nobody"))
    report = verify(office.export(), TRUSTED, kept)
    assert [(each.fault, each.position) for each in report.findings] == [(Fault.ENTRY_CHANGED, 5)]
    with office.database.write() as connection:
        connection.execute(delete(t.journal).where(t.journal.c.position == 5))
    assert Fault.ENTRIES_MISSING in faults(verify(office.export(), TRUSTED, kept))


def test_an_end_that_was_cut_off_the_database_is_found(office: Office) -> None:
    office.happen(*((number % 3, f"e.{number}") for number in range(12)))
    office.notary.sign_as_it_is()
    with office.memory.read() as tx:
        [newest] = [each for each in tx.journal.entries(8, 100) if each.entry.position == 9]
    with office.database.write() as connection:
        connection.execute(delete(t.journal).where(t.journal.c.position > 9))
        connection.execute(update(t.journal_head).values(position=9, sha256=newest.sha256))
    assert Fault.HEAD_DIFFERS in faults(verify(office.export(), TRUSTED))


def test_heads_are_signed_after_so_many_entries_or_so_long(office: Office) -> None:
    assert office.notary.sign_if_due() is None
    office.happen((0, "a"))
    first = office.notary.sign_if_due()
    assert first is not None
    assert first.position == 1
    office.happen((0, "b"))
    assert office.notary.sign_if_due() is None
    office.clock.moment += timedelta(minutes=30)
    second = office.notary.sign_if_due()
    assert second is not None
    assert second.position == 2
    office.clock.moment += timedelta(hours=9)
    assert office.notary.sign_if_due() is None
    office.happen((1, "c"))
    office.notary.sign_as_it_is()
    office.happen(*((1, "d") for _ in range(9)))
    assert office.notary.sign_if_due() is None
    office.happen((1, "e"))
    assert office.notary.sign_if_due() is not None
    assert verify(office.export(), TRUSTED).heads == len(heads_of(office.export())) == 4


def test_nothing_is_signed_without_a_key_or_on_a_broken_chain(office: Office) -> None:
    office.happen(*((0, "a") for _ in range(20)))
    office.keys = ()
    assert office.notary.sign_if_due() is None
    assert office.notary.sign_as_it_is() is None
    office.keys = (KEY,)
    with office.database.write() as connection:
        connection.execute(update(t.journal).where(t.journal.c.position == 7).values(data=b"{}"))
    with pytest.raises(JournalBroken) as broken:
        office.notary.sign_if_due()
    assert broken.value.position == 7
    assert office.notary.sign_as_it_is() is None
    with office.memory.read() as tx:
        assert tx.journal.signed_heads() == []


def test_a_renewed_key_signs_and_the_old_one_still_verifies(office: Office) -> None:
    office.happen((0, "a"))
    office.notary.sign_as_it_is()
    office.keys = (STRANGER,)
    office.happen((0, "b"))
    lines = office.export()
    published = KeySet.from_json({"keys": orjson.loads(lines[0])["export"]["keys"]})
    assert {KEY.public.id, STRANGER.public.id} == {each["kid"] for each in published.as_json()["keys"]}
    report = verify(lines, published)
    assert report.sound
    assert report.heads == 2


def test_an_entry_is_exported_as_it_was_hashed(office: Office) -> None:
    office.happen((0, "a"))
    line = orjson.loads(office.export()[1])
    with office.memory.read() as tx:
        [kept] = tx.journal.entries(0, 10)
    assert isinstance(kept.entry, Entry)
    assert canonical(line["entry"]) == kept.entry.document
