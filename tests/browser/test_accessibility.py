"""JIS X 8341-3 AA (WCAG A and AA), by axe-core, on every page of the desk: both languages, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Office
from tests.browser.test_journey import act

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


def proposed_pack(page: Page, version: str) -> str:
    """The address of a proposal that somebody makes on the page of policies."""
    text = resources.files("rules").joinpath("packs/startup.yaml").read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("version:"))
    page.goto("/reviews/policies")
    page.click("details.action summary")
    page.fill("#effective", (datetime.now(UTC) + timedelta(days=5)).date().isoformat())
    page.fill("#text", text.replace(line, f"version: {version}", 1))
    page.click("details.action button")
    page.wait_for_url("**/policies/proposals/*")
    return page.url


@pytest.mark.parametrize(
    ("language", "theme", "version"), [("ja", "light", "2026.7.1"), ("en", "dark", "2026.7.2")]
)
def test_no_page_has_a_serious_finding(
    office: Office, serious: Callable[[Page], list[str]], language: str, theme: str, version: str
) -> None:
    found: list[str] = []
    stranger = office.stranger(language, theme=theme)
    stranger.goto("/login")
    found += serious(stranger)
    office.fill(stranger, name="nobody", password="nothing at all")
    found += serious(stranger)

    case = office.submit("akatsuki-board", f"axe-{language}")["case"]
    page = office.person(f"axe-{language}", "officer", language, theme=theme)
    expect(page.locator("html")).to_have_attribute("data-bs-theme", theme)
    proposal = proposed_pack(page, version)
    for path in (
        "/reviews",
        "/reviews?waits=vendor",
        "/reviews/proposals",
        "/reviews/policies",
        "/reviews/policies/packs/startup",
        proposal,
        f"{proposal}/backtest",
        "/reviews/pipeline",
        "/reviews/password",
        "/logout",
        "/reviews/cases/SK-000000000",
    ):
        page.goto(path)
        found += serious(page)

    page.goto(f"/reviews/cases/{case}")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found += serious(page)
    page.locator("a[href*='/captures/']").first.click()
    found += serious(page)

    page.goto(f"/reviews/cases/{case}")
    act(page, "reject")
    page.check("#do-reject input[type=checkbox] >> nth=0")
    page.click("#do-reject button")
    found += serious(page)
    page.click("button[name=sure]")
    expect(page.locator(".desk-done")).to_be_visible()
    found += serious(page)
    assert found == []


def test_a_page_can_be_used_by_the_keyboard_alone(office: Office) -> None:
    page = office.person("keyboard", "reviewer", "ja")
    page.goto("/reviews")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main-content")).to_be_focused()
