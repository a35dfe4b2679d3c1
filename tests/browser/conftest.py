"""A real Sekisho and a real browser: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from cli.samples import samples
from tests.integration.cluster import until
from tests.integration.running import Up

PASSWORD = "a long password of my own"
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


# Playwright's event loop counts as running in this thread until it ends, and tests of other folders have
# theirs and come in any order between these modules. So a browser lasts for one module.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it; in CI its absence is a failure."""
    found = os.environ.get("SEKISHO_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "there is no Chromium; on Debian: apt-get install chromium fonts-noto-cjk"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("browser") / "state")
    yield running
    running.end()


@dataclass
class Office:
    """The people of one office at their browsers, and the vendor's door."""

    up: Up
    browser: Browser
    folder: Path
    opened: list[BrowserContext] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.up.addresses["flower"])

    def person(
        self, name: str, role: str, language: str, *, theme: str = "light", script: bool = True
    ) -> Page:
        """Somebody who has signed in; the account is made first where there is none."""
        made = self.up.sekisho("reviewers", "add", name, "--role", role)
        page = self.stranger(language, theme=theme, script=script)
        page.goto("/login")
        first = json.loads(made.stdout)["password"] if made.returncode == 0 else ""
        self.fill(page, name=name, password=first or PASSWORD)
        if first:
            page.wait_for_url("**/reviews/password")
            self.fill(page, old=first, new=PASSWORD, again=PASSWORD)
        page.wait_for_url("**/reviews")
        return page

    def stranger(self, language: str, *, theme: str = "light", script: bool = True) -> Page:
        """A browser of somebody who has not signed in."""
        context = self.browser.new_context(
            base_url=self.url,
            locale={"ja": "ja-JP", "en": "en-GB"}[language],
            timezone_id="Asia/Tokyo",
            color_scheme="dark" if theme == "dark" else "light",
            java_script_enabled=script,
            viewport={"width": 1280, "height": 900},
        )
        context.set_default_timeout(20_000)
        self.opened.append(context)
        return context.new_page()

    @staticmethod
    def fill(page: Page, **values: str) -> None:
        for name, value in values.items():
            page.fill(f"#{name}", value)
        page.click("main form.desk-form button.btn-primary")

    def submit(self, sample: str, code: str, **more: Any) -> dict[str, Any]:
        """A sample application from the vendor, followed until people or the rules have decided."""
        [chosen] = [one for one in samples() if one.name == sample]
        document = copy.deepcopy(dict(chosen.document))
        document["product"]["code"] = code
        document |= more
        path = self.folder / f"{code}.json"
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
        done = self.up.sekisho("submit", str(path), "--again", "--wait")
        outcome: dict[str, Any] = json.loads(done.stdout)
        assert "problem" not in outcome, outcome
        return outcome

    def state(self, case: str) -> str:
        return str(json.loads(self.up.sekisho("case", "show", case).stdout)["state"])


@pytest.fixture
def office(up: Up, browser: Browser, tmp_path: Path) -> Iterator[Office]:
    office = Office(up, browser, tmp_path)
    yield office
    for context in office.opened:
        context.close()


@pytest.fixture
def serious() -> Callable[[Page], list[str]]:
    """Every serious finding that axe-core has on a page."""
    axe = Axe()

    def look(page: Page) -> list[str]:
        found = axe.run(page, options=AXE_RULES).response["violations"]
        return [
            f"{page.url} {one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes']]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]

    return look


@contextmanager
def confirmed(page: Page) -> Iterator[None]:
    """Press the button of a form in the block, then say that one is sure."""
    yield
    page.click("button[name=sure]")
    page.wait_for_load_state()


__all__ = ["Office", "confirmed", "until"]
