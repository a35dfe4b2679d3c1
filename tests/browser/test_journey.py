"""From a Flower task to the catalog: two reviewers and a vendor, in both languages, with script and
without.
"""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Office, confirmed, until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

SAMPLES = {"ja": "akatsuki-board", "en": "comeragh-analytics"}
"""Each of a vendor that has no listing yet."""
ASK = {"ja": "申請者に質問しました", "en": "the vendor was asked"}
SAME_PERSON = {"ja": "提案した本人は承認できません。", "en": "Whoever proposed cannot confirm it."}


def act(page: Page, action: str) -> None:
    """Open an action's form, where it is not open."""
    form = page.locator(f"#do-{action}")
    if form.get_attribute("open") is None:
        form.locator("summary").click()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_case_from_a_flower_task_to_the_catalog(office: Office, language: str) -> None:
    code = f"journey-{language}"
    first = office.submit(SAMPLES[language], code)
    assert office.state(first["case"]) == "referred"
    ann = office.person(f"ann-{language}", "reviewer", language)

    # From the task in Flower to its case, and back.
    ann.goto("/tasks")
    ann.fill("#tasks-table_filter input", first["case"])
    row = ann.locator("#tasks-table tbody tr", has_text=first["case"]).first
    expect(row).to_be_visible()
    row.locator("a[href*='/task/']").first.click()
    ann.click(f"a[href$='/reviews/cases/{first['case']}']")
    expect(ann.locator("html")).to_have_attribute("lang", language)
    expect(ann.locator("h1")).to_contain_text(first["case"])
    expect(ann.locator("#h-tasks + ul a")).not_to_have_count(0)
    expect(ann.locator("details.rule-review").first).to_be_visible()

    # Ask the vendor about one field; the clock stops.
    act(ann, "ask")
    ann.select_option("#ask-code", "FIELD_CONTRADICTS_SOURCE")
    ann.select_option("#ask-about", "/vendor/name")
    ann.fill("#ask-text", "登記の商号をご確認ください。")
    with confirmed(ann):
        ann.click("#do-ask button")
    expect(ann.locator(".history").last).to_contain_text(ASK[language])
    ann.goto("/reviews?waits=vendor")
    expect(ann.locator("main")).to_contain_text(first["case"])

    # The vendor corrects: a new application takes the place of the old one.
    second = office.submit(SAMPLES[language], code, supersedes=first["application"])
    assert office.state(second["case"]) == "referred"
    assert office.state(first["case"]) == "superseded"

    # Propose; the first listing of a vendor takes two.
    ann.goto(f"/reviews?q={second['case']}")
    expect(ann.locator("h1")).to_contain_text(second["case"])
    act(ann, "approve")
    ann.fill("#approve-text", "掲載を承認します。")
    with confirmed(ann):
        ann.click("#do-approve button")
    proposal = ann.locator(".desk-pending")
    expect(proposal).to_be_visible()
    assert office.state(second["case"]) == "referred"

    # One's own proposal cannot be approved: there is no form, and a forged one is refused.
    expect(ann.locator("#do-confirm")).to_have_count(0)
    ann.evaluate(
        """() => {
            const form = document.querySelector("#do-cancel form");
            form.action = form.action.replace(/cancel$/, "confirm");
            form.insertAdjacentHTML("beforeend", '<input type="hidden" name="sure" value="yes">');
            form.submit();
        }"""
    )
    expect(ann.locator("[role=alert]")).to_contain_text(SAME_PERSON[language])
    assert office.state(second["case"]) == "referred"

    # Somebody else approves, without script.
    ben = office.person(f"ben-{language}", "reviewer", language, script=False)
    ben.goto("/reviews/proposals")
    ben.click(f"a[href$='/reviews/cases/{second['case']}']")
    with confirmed(ben):
        ben.click("#do-confirm button")
    expect(ben.locator(".desk-done")).to_be_visible()

    def listed() -> bool:
        return code in httpx.get(office.up.addresses["feed"], params={"after": 0}, timeout=30).text

    until(listed, "the listing in the feed")
    assert office.state(second["case"]) == "listed"


def test_two_reviewers_at_once_and_a_stale_form(office: Office) -> None:
    case = office.submit("tamayura-meetings", "stale")["case"]
    ann, ben = (office.person(name, "reviewer", "en") for name in ("ann-stale", "ben-stale"))
    for page in (ann, ben):
        page.goto(f"/reviews/cases/{case}")
        act(page, "reject")
        page.check("#do-reject input[type=checkbox] >> nth=0")
    ann.fill("#reject-text", "from ann")
    ben.fill("#reject-text", "from ben")
    with confirmed(ann):
        ann.click("#do-reject button")
    expect(ann.locator(".desk-done")).to_be_visible()
    ben.click("#do-reject button")
    expect(ben.locator("[role=alert]")).to_contain_text("has moved on")
    expect(ben.locator("[role=alert]")).to_be_focused()
    expect(ben.locator("#typed")).to_have_value("from ben")
    assert office.state(case) == "rejected"


def test_keys_open_forms_and_can_be_turned_off(office: Office) -> None:
    case = office.submit("minatoya-redwood", "keys")["case"]
    ann = office.person("ann-keys", "reviewer", "en")
    ann.goto(f"/reviews/cases/{case}")
    ann.keyboard.press("r")
    expect(ann.locator("#do-reject")).to_have_attribute("open", "")
    ann.fill("#reject-text", "a")
    expect(ann.locator("#do-approve")).not_to_have_attribute("open", "")
    ann.goto("/reviews")
    ann.click("button[name=shortcuts]")
    ann.goto(f"/reviews/cases/{case}")
    ann.keyboard.press("r")
    expect(ann.locator("#do-reject")).not_to_have_attribute("open", "")


def test_the_browser_finds_nothing_that_the_policy_of_content_forbids(office: Office) -> None:
    ann = office.person("ann-csp", "officer", "en")
    said: list[str] = []
    ann.on("console", lambda message: said.append(message.text))
    for path in ("/reviews", "/reviews/proposals", "/reviews/policies", "/reviews/pipeline", "/", "/tasks"):
        ann.goto(path)
        ann.wait_for_load_state("networkidle")
    assert [line for line in said if "Content Security Policy" in line or "Refused" in line] == []
