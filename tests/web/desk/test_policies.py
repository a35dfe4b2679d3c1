"""Policies and the pipeline on pages: packs, proposals, the second officer, back-test, lanes."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources

from pipeline.people import Role
from tests.web.desk.conftest import Desk


def pack(version: str = "2026.9.9") -> str:
    """The start-up track that comes with Sekisho, as another version."""
    text = resources.files("rules").joinpath("packs/startup.yaml").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("version:"))
    return text.replace(line, f"version: {version}", 1)


def day(desk: Desk, ahead: int = 3) -> str:
    return (desk.clock.now() + timedelta(days=ahead)).date().isoformat()


def propose(desk: Desk, text: str) -> str:
    hana = desk.signed_in("hana", Role.OFFICER)
    made = hana.post("/reviews/policies", effective=day(desk), text=text)
    assert made.status_code == 302, made.text.partition("desk-said")[2][:300]
    return str(made.headers["Location"])


def test_every_pack_has_its_tables_in_both_languages(desk: Desk) -> None:
    for language, word in (("en", "rule"), ("ja", "番号")):
        browser = desk.signed_in("v", Role.VIEWER, language)
        page = browser.get("/reviews/policies").text
        assert "/reviews/policies/packs/startup" in page
        assert f'<th scope="col">{word}</th>' in browser.get("/reviews/policies/packs/jp-national").text
    assert browser.get("/reviews/policies/packs/none").status_code == 404


def test_publishing_takes_a_second_officer(desk: Desk) -> None:
    page = propose(desk, pack())
    hana, ichi = desk.signed_in("hana", Role.OFFICER), desk.signed_in("ichi", Role.OFFICER)
    assert "another officer has to approve" in hana.get(page).text
    assert hana.post(page, sure="yes").status_code == 403
    assert desk.signed_in("ann", Role.REVIEWER).post(page, sure="yes").status_code == 403
    assert "Say that you are sure" in ichi.post(page).text
    assert "ichi" in ichi.post(page, sure="yes").text
    assert ichi.post(page, sure="yes").status_code == 409
    with desk.memory.read() as tx:
        [publication] = tx.policies.approved()
    assert (publication.proposed_by, publication.approved_by) == ("hana", "ichi")


def test_what_cannot_be_proposed_is_told_with_its_place(desk: Desk) -> None:
    hana = desk.signed_in("hana", Role.OFFICER)
    for values, said in (
        ({"effective": day(desk), "text": "pack: ["}, "proposal"),
        ({"effective": day(desk, -9), "text": pack()}, "is past"),
        ({"effective": "soon", "text": pack()}, "Choose the first day"),
    ):
        answer = hana.post("/reviews/policies", **values)
        assert answer.status_code == 422
        assert said in answer.text
    assert desk.signed_in("ann", Role.REVIEWER).post("/reviews/policies").status_code == 403


def test_a_proposal_is_compared_and_tried_on_what_was_judged(desk: Desk) -> None:
    desk.receive()
    page = propose(desk, pack())
    browser = desk.signed_in("v", Role.VIEWER)
    assert "2026.9.9" in browser.get(page).text
    answer = browser.get(f"{page}/backtest")
    assert answer.status_code == 200
    assert "Of the 1 dossiers judged last (of 1 in all), 0 decisions would change." in answer.text
    missing = "/reviews/policies/proposals/01900000-0000-7000-8000-000000000000"
    assert browser.get(missing).status_code == 404
    assert browser.get(f"{missing}/backtest").status_code == 404


def test_the_pipeline_shows_states_lanes_sources_and_the_last_day(desk: Desk) -> None:
    reference = desk.receive()
    page = desk.signed_in("v", Role.VIEWER).get("/reviews/pipeline").text
    assert "int.gleif" in page
    assert "asked as usual" in page
    assert page.count('<svg role="img"') == 2
    assert reference not in page, "nobody but people has it"
