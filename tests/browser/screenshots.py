"""Pictures of the desk for ``docs/reviewers.md``: ``make screenshots`` starts a Sekisho of its own and
writes them.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import Office
from tests.integration.running import Up

WAITING = ("akatsuki-board", "comeragh-analytics", "izayoi-survey", "minatoya-redwood", "tamayura-meetings")
"""Samples that the rules refer to a person."""


def take(page: Page, folder: Path, name: str) -> None:
    """One picture, as high as the window."""
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / f"{name}.png")


def main(folder: Path) -> None:
    """Bring a desk into a state worth looking at, and look at it."""
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory(prefix="sekisho-pictures-") as place, sync_playwright() as playwright:
        up = Up(Path(place) / "state")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        office = Office(up, browser, Path(place))
        try:
            cases = [office.submit(sample, sample)["case"] for sample in WAITING]
            hana = office.person("hanako", "officer", "ja")
            hana.goto("/reviews")
            take(hana, folder, "queue-ja")
            hana.goto(f"/reviews/cases/{cases[0]}")
            take(hana, folder, "case-ja")
            hana.click("#do-approve summary")
            hana.click("#do-approve button")
            take(hana, folder, "sure-ja")
            hana.click("button[name=sure]")
            aya = office.person("aya", "reviewer", "en", theme="dark")
            aya.goto(f"/reviews/cases/{cases[0]}")
            take(aya, folder, "second-en-dark")
            ben = office.person("ben", "reviewer", "en")
            ben.goto("/reviews/pipeline")
            take(ben, folder, "pipeline-en")
            ben.goto("/reviews/policies/packs/startup")
            take(ben, folder, "pack-en")
            ben.goto("/tasks")
            ben.fill("#tasks-table_filter input", cases[0])
            ben.locator("#tasks-table tbody a[href*='/task/']").first.click()
            take(ben, folder, "task-en")
        finally:
            for context in office.opened:
                context.close()
            browser.close()
            up.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
