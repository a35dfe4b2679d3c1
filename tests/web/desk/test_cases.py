"""The queue, a case, and what is done to it: as a browser without script does it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.lifecycle import State
from pipeline.people import Role
from tests.web.desk.conftest import Desk


def test_the_queue_finds_a_case_by_reference_vendor_number_and_reason(desk: Desk) -> None:
    reference = desk.receive()
    browser = desk.signed_in("ann", Role.VIEWER)
    with desk.memory.read() as tx:
        file = tx.cases.by_reference(reference)
    assert file is not None
    assert file.decision is not None
    link = f"/reviews/cases/{reference}"
    name, number = file.application.vendor_name, file.application.vendor_id.id
    for search in ("", name[:3], number, file.decision.judgement.reason.lower()):
        assert link in browser.get("/reviews", params={"q": search}).text, search
    assert browser.get("/reviews", params={"q": reference.lower()}).headers["Location"] == link
    for other in ("another vendor", "<script>alert(1)</script>", "%", "SK-000000000"):
        page = browser.get("/reviews", params={"q": other})
        assert link not in page.text
        assert "<script>alert" not in page.text
    for arguments in ({"waits": "vendor"}, {"overdue": "1"}, {"assignee": "me"}, {"buyer": "kobe-city"}):
        assert link not in browser.get("/reviews", params=arguments).text
    assert browser.get("/reviews", params={"waits": "nonsense", "after": "nonsense"}).status_code == 302


def test_whoever_may_not_see_the_contact_person_does_not_see_one(desk: Desk) -> None:
    reference = desk.receive()
    desk.receive(summary={"ja": "別の概要", "en": "Another summary"})
    with desk.memory.read() as tx:
        file = tx.cases.by_reference(reference)
    assert file is not None
    contact = file.application.document["contact"]
    for role in (Role.VIEWER, Role.OPERATOR):
        page = desk.signed_in(f"a-{role}", role).get(f"/reviews/cases/{reference}").text
        assert [value for value in contact.values() if len(value) > 2 and value in page] == []
    page = desk.signed_in("ann", Role.REVIEWER).get(f"/reviews/cases/{reference}").text
    assert contact["email"] in page


def test_first_listing_takes_two(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    asked = ann.get(f"/reviews/cases/{reference}").text
    sure = ann.post(f"/reviews/cases/{reference}/approve", **ann.form(asked, "approve"), text="ようこそ")
    assert sure.status_code == 200
    assert desk.state(reference) is State.REFERRED
    assert "承認する" in sure.text, "what is said is shown in both languages"
    assert "Approve" in sure.text
    done = ann.act(reference, "approve", text="ようこそ")
    assert done.headers["Location"] == f"/reviews/cases/{reference}?done=approve"
    assert desk.state(reference) is State.REFERRED
    assert f"/reviews/cases/{reference}" not in ann.get("/reviews").text, "it left the first queue"
    assert f"/reviews/cases/{reference}" in ben.get("/reviews/proposals").text

    page = ann.get(f"/reviews/cases/{reference}").text
    assert "/confirm" not in page
    hidden = {**ann.form(page, "cancel"), "sure": "yes"}
    refused = ann.post(f"/reviews/cases/{reference}/confirm", **hidden)
    assert refused.status_code == 403
    assert "Whoever proposed cannot confirm it." in refused.text

    assert ben.act(reference, "confirm").status_code == 302
    assert desk.state(reference) is State.APPROVED
    assert [step.reference for step in desk.notified] == [reference]
    assert desk.sweep() == ["listed"]


def test_a_stale_page_decides_nothing_and_says_what_changed(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    seen = ann.form(ann.get(f"/reviews/cases/{reference}").text, "approve")
    assert (
        ben.act(reference, "ask", code="EXPLANATION_NEEDED", text="理由を教えてください").status_code == 302
    )
    for sure in ({"sure": "yes"}, {}):
        answer = ann.post(f"/reviews/cases/{reference}/approve", **seen, **sure, text="my words")
        assert answer.status_code == 409
        assert "the vendor was asked" in answer.text
        assert "my words" in answer.text
        assert "application received" not in answer.text
    assert desk.state(reference) is State.ASKED


def test_one_of_two_at_once_is_told(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    forms = [one.form(one.get(f"/reviews/cases/{reference}").text, "reject") for one in (ann, ben)]
    answers = [
        one.post(
            f"/reviews/cases/{reference}/reject", **form, reasons="|OUT_OF_SCOPE", sure="yes"
        ).status_code
        for one, form in zip((ann, ben), forms, strict=True)
    ]
    assert answers == [302, 409]
    assert desk.state(reference) is State.REJECTED


def test_what_a_form_asks_for_wrongly_is_told_and_what_was_typed_is_kept(desk: Desk) -> None:
    reference = desk.receive()
    ann = desk.signed_in("ann", Role.REVIEWER)
    for action, values, said in (
        ("reject", {}, "at least one reason"),
        ("reject", {"reasons": "X|Y"}, "not one of those"),
        ("ask", {"code": "X"}, "What to ask"),
        ("ask", {"code": "FIELD_UNCLEAR", "about": "product"}, "What to ask"),
        ("defer", {"until": "2020-01-01"}, "has to lie ahead"),
        ("defer", {"until": "soon"}, "has to lie ahead"),
        ("override", {"rule": "X", "reason": "EVIDENCE_SEEN", "until": "2027-01-01"}, "No finding"),
        ("note", {"text": " "}, "no text"),
    ):
        answer = ann.act(reference, action, **{"text": "kept words", **values})
        assert answer.status_code == 422, action
        assert said in answer.text
        if values.get("text") is None:
            assert "kept words" in answer.text
    assert ann.post(f"/reviews/cases/{reference}/explode").status_code == 404
    assert desk.state(reference) is State.REFERRED


def test_deferring_stops_the_clock_and_says_so(desk: Desk) -> None:
    reference = desk.receive()
    ann = desk.signed_in("ann", Role.REVIEWER)
    day = (desk.clock.now() + timedelta(days=9)).date().isoformat()
    assert ann.act(reference, "defer", until=day).status_code == 302
    page = ann.get("/reviews?waits=date").text
    assert reference in page
    assert "Clock stopped." in page
    assert ann.act(reference, "resume").status_code == 302
    assert reference in ann.get("/reviews").text


def test_notes_to_the_vendor_and_internal_ones_are_told_apart_and_viewers_see_none(desk: Desk) -> None:
    reference = desk.receive()
    ann = desk.signed_in("ann", Role.REVIEWER)
    ann.act(reference, "note", text="only among us", audience="internal")
    ann.act(reference, "note", text="for you <b>", audience="vendor")
    page = ann.get(f"/reviews/cases/{reference}").text
    assert page.index("for you &lt;b&gt;") < page.index("Internal</h3>") < page.index("only among us")
    assert "only among us" not in desk.signed_in("v", Role.VIEWER).get(f"/reviews/cases/{reference}").text


def test_a_claim_is_shown_and_taken_over_only_knowingly(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    assert ann.act(reference, "claim").status_code == 302
    assert "<strong>ann</strong>" in ben.get(f"/reviews/cases/{reference}").text
    assert ben.act(reference, "claim").status_code == 422
    assert ben.get("/reviews/next").headers["Location"] == "/reviews", "nobody is led to what another has"
    assert ann.get("/reviews/next").headers["Location"] == f"/reviews/cases/{reference}"
    assert ben.act(reference, "claim", take_over="yes").status_code == 302


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR], ids=str)
def test_who_only_reads_has_no_forms_and_none_is_taken(desk: Desk, role: Role) -> None:
    reference = desk.receive()
    browser = desk.signed_in("v", role)
    page = browser.get(f"/reviews/cases/{reference}").text
    assert "There is nothing for you to do" in page
    assert browser.post(f"/reviews/cases/{reference}/approve", sure="yes").status_code == 403
    assert desk.state(reference) is State.REFERRED


def test_there_is_no_case_where_there_is_none(desk: Desk) -> None:
    browser = desk.signed_in("ann", Role.REVIEWER)
    for path in ("SK-000000000", "SK-00000000A", f"SK-000000000/captures/sha256:{'0' * 64}"):
        assert browser.get(f"/reviews/cases/{path}").status_code == 404
    assert browser.post("/reviews/cases/SK-000000000/approve").status_code == 404


def test_our_pages_hold_no_script_of_their_own(desk: Desk) -> None:
    reference = desk.receive()
    browser = desk.signed_in("ann", Role.OFFICER)
    for path in ("/reviews", "/reviews/proposals", f"/reviews/cases/{reference}", "/login"):
        answer = browser.get(path)
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        for part in answer.text.split("<script")[1:]:
            assert part.lstrip().startswith("src="), path
        assert "style=" not in answer.text
        assert " onclick" not in answer.text


def test_an_override_takes_two_and_the_rest_is_judged_again(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    page = ann.get(f"/reviews/cases/{reference}").text
    rule = page.partition('id="override-rule"')[2].partition('value="')[2].partition('"')[0]
    day = (desk.clock.now() + timedelta(days=90)).date().isoformat()
    values = {"rule": rule, "reason": "EVIDENCE_SEEN", "until": day}
    assert ann.act(reference, "override", **values).status_code == 302
    assert "a rule is overridden" in ben.get(f"/reviews/cases/{reference}").text
    assert ben.act(reference, "send_back", text="which evidence?").status_code == 302
    assert ann.act(reference, "override", **values).status_code == 302
    assert ben.act(reference, "confirm").status_code == 302
    assert desk.sweep() != []
    page = ann.get(f"/reviews/cases/{reference}").text
    assert "Rules that do not count for this product" in page
    assert f"<code>{rule}</code>" in page


def test_a_listing_is_suspended_by_two_officers(desk: Desk) -> None:
    reference = desk.receive()
    ann, ben = desk.signed_in("ann", Role.REVIEWER), desk.signed_in("ben", Role.REVIEWER)
    ann.act(reference, "approve")
    ben.act(reference, "confirm")
    desk.sweep()
    assert desk.state(reference) is State.LISTED
    assert "/suspend" not in ann.get(f"/reviews/cases/{reference}").text
    hana, ichi = desk.signed_in("hana", Role.OFFICER), desk.signed_in("ichi", Role.OFFICER)
    assert hana.act(reference, "suspend", reason="COMPLAINT").status_code == 302
    assert "/confirm" not in ann.get(f"/reviews/cases/{reference}").text
    assert ichi.act(reference, "confirm").status_code == 302
    assert desk.state(reference) is State.SUSPENDED
    assert hana.act(reference, "reinstate", reason="RESOLVED").status_code == 302
    assert ichi.act(reference, "confirm").status_code == 302
    assert desk.state(reference) is State.LISTED
