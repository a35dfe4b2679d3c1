"""The register's mirror: genuine files, their order, and an end in the middle."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.register import COLUMNS
from storage.mirror import ImportRunning, Keys, Mirror, MirrorUnusable, Outcome
from tasks.mirror import KEYS, take
from tests.registers import applied, daily_files, import_all, line, number, read_plainly, told, write

GENUINE = {
    "31_tottori_all_20160229.zip": 16_593,
    "diff_20210714.csv": 2_750,
    "diff_20210908.csv": 2_943,
    "diff_20260818.csv": 2_296,
    "diff_20260819.csv": 2_243,
    "edge_rows_sjis.csv": 459,
    "edge_rows_utf8.csv": 365,
    "timeline_rows_sjis.csv": 98,
    "zenken_rows_2024-03-29.csv": 5,
}
DAILY = {
    "diff_20210714.csv": "utf-8",
    "diff_20210908.csv": "utf-8",
    "diff_20260818.csv": "cp932",
    "diff_20260819.csv": "cp932",
}


@pytest.fixture(scope="module")
def samples(reference: Path) -> Path:
    return reference / "registries-jp" / "samples" / "nta-houjin"


def test_every_genuine_file_is_imported_whole_and_once(mirror: Mirror, samples: Path) -> None:
    paths = [samples / name for name in GENUINE]
    assert import_all(mirror, paths) == [Outcome.IMPORTED] * len(paths)
    before = mirror.digest()
    assert [file.rows for file in mirror.files()] == list(GENUINE.values())
    assert all(file.complete for file in mirror.files())
    assert import_all(mirror, paths) == [Outcome.UNCHANGED] * len(paths)
    assert mirror.digest() == before


def test_daily_files_add_up_as_the_rules_say(mirror: Mirror, samples: Path) -> None:
    import_all(mirror, [samples / name for name in DAILY])
    expected = applied([read_plainly(samples / name, encoding) for name, encoding in DAILY.items()])
    some = [*list(expected)[::40], *(each for each, rows in expected.items() if len(rows) > 4)]
    assert told(mirror, some) == {each: expected[each] for each in some}


def test_timelines_are_the_same_day_by_day_in_one_go_backwards_and_twice(
    fresh_mirror: Callable[[], Mirror], samples: Path, tmp_path: Path
) -> None:
    whole = samples / "timeline_rows_sjis.csv"
    days = daily_files(tmp_path / "days", whole, "cp932")
    assert len(days) == 73
    state = applied([read_plainly(day, "cp932") for day in days])

    one_go, by_day, backwards = fresh_mirror(), fresh_mirror(), fresh_mirror()
    import_all(one_go, [whole])
    for day in days:
        import_all(by_day, [day])
    import_all(backwards, reversed(days))
    import_all(backwards, days)

    assert told(one_go, state) == state
    assert one_go.digest() == by_day.digest() == backwards.digest()


def test_timelines_end_as_their_index_says(mirror: Mirror, samples: Path) -> None:
    import_all(mirror, [samples / "timeline_rows_sjis.csv"])
    with (samples / "timeline_index.tsv").open(encoding="utf-8", newline="") as file:
        for timeline in csv.DictReader(file, delimiter="\t"):
            history = mirror.history(timeline["corporateNumber"])
            assert history is not None
            last = history.entries[-1].fields()
            assert last["updateDate"].replace("-", "") == timeline["lastFile"]
            processes = [entry.process for entry in history.entries]
            match timeline["pattern"]:
                case "ends_withdrawn":
                    assert processes[-1] == "99"
                case "changes_then_closed":
                    assert last["closeDate"]
                case "closed_twice":
                    assert processes.count("21") == 2
                    assert "22" in processes
                case "closed_then_revived":
                    assert processes.index("21") < processes.index("22")
                case "absorbs_and_changes":
                    assert "71" in processes
                case "new_then_rename_and_move":
                    assert processes[0] == "01"
                    assert {"11", "12"} <= set(processes)
                case pattern:
                    assert pattern == "many_changes"
                    assert len(processes) > 2


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_split_of_daily_files_into_imports_gives_one_state(
    fresh_mirror: Callable[[], Mirror], samples: Path, tmp_path: Path, data: st.DataObject
) -> None:
    days = daily_files(tmp_path / "split", samples / "timeline_rows_sjis.csv", "cp932")[::4]
    straight = fresh_mirror()
    import_all(straight, days)
    split = fresh_mirror()
    order = data.draw(st.permutations(days))
    while order:
        size = data.draw(st.integers(1, len(order)))
        import_all(split, order[:size], batch=data.draw(st.integers(1, 5)))
        order = order[size:]
    assert split.digest() == straight.digest()


_KILLED = """
import os, signal, sys
from pathlib import Path
from storage.mirror import Mirror
from tasks.mirror import KEYS, take

def progress(file, rows):
    if file.name == sys.argv[2] and rows >= 1000:
        os.kill(os.getpid(), signal.SIGKILL)

with Mirror(sys.argv[1], KEYS, create=True).importing(batch=500) as importer:
    for path in sys.argv[3:]:
        take(importer, Path(path), progress)
"""


def test_an_import_that_was_killed_goes_on_where_it_was(
    mirror_url: str, fresh_mirror: Callable[[], Mirror], samples: Path
) -> None:
    paths = [samples / name for name in DAILY]
    straight = fresh_mirror()
    import_all(straight, paths)

    killed = subprocess.run(
        [sys.executable, "-c", _KILLED, mirror_url, paths[1].name, *map(str, paths)],
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL

    mirror = Mirror(mirror_url, KEYS)
    first, second = mirror.files()
    assert first.complete
    assert (second.rows, second.complete) == (1000, False)
    only_first = fresh_mirror()
    import_all(only_first, paths[:1])
    assert mirror.digest() == only_first.digest()  # what is not complete does not count

    kept: list[int] = []
    with mirror.importing(batch=500) as importer:
        outcomes = [take(importer, path, lambda file, rows: kept.append(rows))[1] for path in paths]
    assert outcomes == [Outcome.UNCHANGED, Outcome.IMPORTED, Outcome.IMPORTED, Outcome.IMPORTED]
    assert kept[0] == 1500
    assert mirror.digest() == straight.digest()
    mirror.close()


def test_only_one_imports_at_a_time(mirror: Mirror, mirror_url: str) -> None:
    other = Mirror(mirror_url, KEYS)
    with mirror.importing(), pytest.raises(ImportRunning), other.importing():
        pass
    with other.importing():
        pass
    other.close()


def test_a_large_file_is_loaded_without_indexes_and_they_are_back_afterwards(
    mirror: Mirror, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.mirror.importing._LARGE", 2_000)
    import_all(mirror, [samples / "diff_20210714.csv"], batch=1_000)
    assert [hit.number for hit in mirror.names("東京増田医療器")] == ["1010001072706"]
    import_all(mirror, [samples / "diff_20210908.csv"], batch=1_000)
    assert mirror.history("1010001072706") is not None


def test_a_full_file_adds_what_is_new_and_leaves_what_is_known(mirror: Mirror, tmp_path: Path) -> None:
    one, two = number(10_000_001), number(10_000_002)
    moved = {"process": "12", "updateDate": "2024-05-10", "changeDate": "2024-05-01", "name": "株式会社移転"}
    import_all(
        mirror,
        [
            write(tmp_path, "diff_20240401.csv", [line(one)]),
            write(tmp_path, "diff_20240510.csv", [line(one, **moved)]),
            write(tmp_path, "00_zenkoku_all_20240531.csv", [line(one, **moved), line(two)]),
        ],
    )
    history = mirror.history(one)
    assert history is not None
    assert [entry.file for entry in history.entries] == ["diff_20240401.csv", "diff_20240510.csv"]
    assert history.complete
    assert mirror.history(two) is not None


def test_a_full_file_that_shows_a_gap_makes_the_history_incomplete(mirror: Mirror, tmp_path: Path) -> None:
    one = number(10_000_001)
    later = line(one, process="12", updateDate="2024-05-10", changeDate="2024-05-01")
    import_all(
        mirror,
        [
            write(tmp_path, "diff_20240401.csv", [line(one)]),
            write(tmp_path, "00_zenkoku_all_20240531.csv", [later]),
        ],
    )
    history = mirror.history(one)
    assert history is not None
    assert [entry.process for entry in history.entries] == ["01", "12"]
    assert not history.complete


def test_the_edition_with_more_characters_stands(mirror: Mirror, tmp_path: Path) -> None:
    one = number(10_000_001)
    import_all(
        mirror,
        [
            write(tmp_path / "utf8", "diff_20240401.csv", [line(one, name="株式会社草彅")]),
            write(tmp_path / "sjis", "diff_20240401.csv", [line(one, name="株式会社草＿")], "cp932"),
        ],
    )
    history = mirror.history(one)
    assert history is not None
    assert [entry.fields()["name"] for entry in history.entries] == ["株式会社草彅"]


@pytest.mark.parametrize(
    ("names", "reached"),
    [
        ([], None),
        (["31_tottori_all_20240331", "diff_20240401"], None),
        (["00_zenkoku_all_20240331"], date(2024, 3, 31)),
        (["00_zenkoku_all_20240331", "diff_20240401", "diff_20240402"], date(2024, 4, 2)),
        (["00_zenkoku_all_20240331", "diff_20240401", "diff_20240501"], date(2024, 4, 1)),
        (["diff_20240401", "00_zenkoku_all_20240430"], date(2024, 4, 30)),
        (
            [
                *(f"{code:02}_pref_all_202403{31 if code > 1 else 30}" for code in range(1, 48)),
                "99_kokugai_all_20240331",
            ],
            date(2024, 3, 30),
        ),
    ],
)
def test_the_register_date_is_that_of_files_that_follow_one_another(
    fresh_mirror: Callable[[], Mirror], tmp_path: Path, names: list[str], reached: date | None
) -> None:
    mirror = fresh_mirror()
    paths = []
    for place, name in enumerate(names):
        day = f"{name[-8:-4]}-{name[-4:-2]}-{name[-2:]}"
        paths.append(write(tmp_path, f"{name}.csv", [line(number(place), updateDate=day)]))
    import_all(mirror, paths)
    assert mirror.register_date() == reached


def test_a_mirror_that_is_not_there_or_of_another_version_is_refused(mirror_url: str) -> None:
    with pytest.raises(MirrorUnusable) as missing:
        Mirror(mirror_url, KEYS)
    assert missing.value.code == "missing"
    Mirror(mirror_url, KEYS, create=True).close()
    with pytest.raises(MirrorUnusable) as other:
        Mirror(mirror_url, Keys("0", KEYS.name, KEYS.address), create=True)
    assert other.value.code == "other_version"


def test_rows_say_what_the_file_says(mirror: Mirror, samples: Path) -> None:
    import_all(mirror, [samples / "edge_rows_utf8.csv"])
    for row in read_plainly(samples / "edge_rows_utf8.csv", "utf-8")[::20]:
        history = mirror.history(row["corporateNumber"])
        assert history is not None
        assert tuple(history.entries[-1].fields()) == COLUMNS
