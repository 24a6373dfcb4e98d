"""The pages in a real Chromium: opened, driven by keys, and held to what every page must keep."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, Page, sync_playwright

from tests.services import require_program

_AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
# WCAG 2.2 AA and all before it.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Chromium's own words for a document that answered with an error, as some tests want it to.
_EXPECTED = "Failed to load resource"


@contextmanager
def running_browser() -> Iterator[Browser]:
    """The system's Chromium as it is without windows, which is half the work for the machine."""
    program = require_program("chromium-headless-shell", "chromium-headless-shell")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened_page(
    browser: Browser, *, width: int = 1280, height: int = 800, zone: str = "Europe/Berlin"
) -> Iterator[Page]:
    """A page with no other's cookies; fails for any error of a script or the policy."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, timezone_id=zone, accept_downloads=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda said: (
            wrong.append(said.text)
            if said.type == "error" and not said.text.startswith(_EXPECTED)
            else None
        ),
    )
    try:
        yield page
    finally:
        context.close()
    assert not wrong, wrong


def assert_accessible(page: Page) -> None:
    """axe finds nothing serious in the page as it stands; in both themes if it has them."""
    for theme in ("dark", "light"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.evaluate(_AXE.read_text())
        rules = json.dumps({"runOnly": {"type": "tag", "values": _RULES}})
        found = page.evaluate(f"axe.run(document, {rules})")["violations"]
        grave = [
            f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert not grave, f"{theme}: {grave}"


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
