"""``sekisho import``."""

from __future__ import annotations

import json
from pathlib import Path

from cli.output import Exit
from tests.cli.conftest import Sekisho

FEED = "peers/fedramp/snapshot-2022-{}.jsonl"


def test_an_import_is_compared_with_the_one_before(sekisho: Sekisho, reference: Path) -> None:
    first, second = (str(reference / FEED.format(day)) for day in ("02-28", "08-31"))
    expected = json.loads((reference / "peers/fedramp/expected-changes.json").read_bytes())
    answer = sekisho("import", "fedramp", first, "--json", "--as-of", "2022-02-28").value
    assert answer["previous"] is None
    assert answer["expired"] == 3
    assert sekisho("import", "fedramp", second, "--dry-run").status == Exit.DONE
    assert (
        sekisho("import", "fedramp", second, "--json").value["changes"]
        == (expected["snapshots"][1]["since_previous"])
    )
    again = sekisho("import", "fedramp", second, "--json").value["changes"]
    assert not any(again.values())


def test_drafts_are_written_and_a_vendor_is_told_what_they_lack(sekisho: Sekisho, reference: Path) -> None:
    answer = sekisho(
        "import",
        "fedramp",
        str(reference / FEED.format("02-28")),
        "--out",
        "drafts",
        "--state",
        "kept",
        "--json",
    )
    drafts = answer.value["drafts"]
    assert len(list(Path("drafts").iterdir())) == len(drafts) == 358
    draft = json.loads(Path("drafts", f"{drafts[0]['application']['product']['code']}.json").read_bytes())
    assert draft == drafts[0]["application"]
    assert {"pointer": "/contact", "code": "required"}.items() <= drafts[0]["missing"][0].items()
    assert Path("kept/us.fedramp.json").stat().st_mode & 0o077 == 0


def test_services_of_the_british_marketplace(sekisho: Sekisho, reference: Path) -> None:
    folder = reference / "peers/uk-dmp/listings"
    files = [str(folder / f"{name}.json") for name in ("G4", "G5", "G7-SCS")]
    answer = sekisho("import", "g-cloud", *files, "--supplier", str(folder / "Supplier.json"), "--json").value
    assert answer["changes"]["added"] == ["4-G2-0123-456", "5-G2-0123-456", "7234567890123456"]
    table = sekisho("import", "g-cloud", *files)
    assert table.status == Exit.DONE
    assert "0 added, 0 removed, 0 changed" in table.out
    assert "/vendor/role" in table.out


def test_a_service_is_held_against_its_own_framework(sekisho: Sekisho, reference: Path) -> None:
    folder = reference / "peers/uk-dmp"
    schema = str(folder / "service-schemas/services-g-cloud-7-scs.json")
    service = json.loads((folder / "listings/G7-SCS.json").read_bytes())
    del service["serviceSummary"]
    Path("service.json").write_text(json.dumps({**service, "priceMax": "1.00"}), encoding="utf-8")
    answer = sekisho("import", "g-cloud", "service.json", "--schema", schema, "--json")
    (draft,) = answer.value["drafts"]
    assert [(fault["field"], fault["code"]) for fault in draft["faults"]] == [
        ("priceMax", "max_less_than_min"),
        ("serviceSummary", "answer_required"),
    ]
    assert "max_less_than_min" in sekisho("import", "g-cloud", "service.json", "--schema", schema).out
    Path("none.json").write_text('{"type": "nonsense"}', encoding="utf-8")
    assert sekisho("import", "g-cloud", "service.json", "--schema", "none.json").status == Exit.INVALID


def test_what_is_no_catalog_is_refused(sekisho: Sekisho) -> None:
    Path("page.html").write_text("<html>", encoding="utf-8")
    answer = sekisho("import", "fedramp", "page.html", "--json")
    assert answer.status == Exit.INVALID
    assert answer.problem["code"] == "import.not_read"
    assert answer.problem["ja"]


def test_a_state_of_another_marketplace_or_none_is_not_written_over(
    sekisho: Sekisho, reference: Path
) -> None:
    feed = str(reference / FEED.format("02-28"))
    service = str(reference / "peers/uk-dmp/listings/G4.json")
    assert sekisho("import", "g-cloud", service, "--state", "kept.json").status == Exit.DONE
    before = Path("kept.json").read_bytes()
    assert sekisho("import", "fedramp", feed, "--state", "kept.json").status == Exit.CONFLICT
    assert Path("kept.json").read_bytes() == before
    Path("kept.json").write_text("{}", encoding="utf-8")
    assert sekisho("import", "g-cloud", service, "--state", "kept.json").status == Exit.CONFLICT
