"""Every text of the pages can be translated: in a made-up language all of them come out changed."""

import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from sqlalchemy import Engine

from dicom_node.results import codes
from tests.web.every_page import PAGES, keep_reported_study
from tests.web.window import Window, plan_for
from web.plan import WebPlan

WEB = Path(__file__).resolve().parents[2] / "web"
POT = WEB / "locale" / "osteon.pot"
# Elements whose text is Osteon's own; elsewhere it may be the hospital's.
OWN = {"a", "button", "h1", "h2", "h3", "label", "legend", "option", "summary", "th", "title"}
# In every language: names, and the standard's own words for regions.
NAMES = {"Osteon", "PACS", "CSV", "JSON", "Parquet", "p50", "p95", "404 · Osteon"}
NAMES |= {code.meaning for code in codes.REGIONS.values()} | set(codes.REGIONS)


class _OwnTexts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self._open.append("data" if tag in ("bdi", "code", "kbd", "time") else tag)
        self.found += [said[name] or "" for name in ("aria-label", "placeholder") if name in said]

    def handle_endtag(self, _tag: str) -> None:
        self._open.pop() if self._open else None

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in OWN and any(one.isalpha() for one in data):
            self.found.append(data.strip())


def test_the_list_of_texts_is_current(tmp_path: Path) -> None:
    """`make texts` would change nothing."""
    fresh = tmp_path / "fresh.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract"]
    command += ["-F", "locale/babel.cfg", "-k", "N_", "-k", "say", "--omit-header", "--no-location"]
    subprocess.run([*command, "--sort-output", "-o", str(fresh), "."], cwd=WEB, check=True)
    assert fresh.read_text() == POT.read_text(), "run `make texts`"


def test_only_texts_of_ours_are_marked_as_safe() -> None:
    """What `_` gives is not escaped again: anything that is no literal goes through `say`."""
    risky = re.compile(r"(?<![\w.])(?:_|gettext)\(\s*[^\"'\s]|\|\s*safe\b")
    found = [
        f"{path.name}: {match.group()}"
        for path in sorted((WEB / "templates").rglob("*.html"))
        for match in risky.finditer(path.read_text())
    ]
    assert found == []


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder of translations into a language in which all is in white brackets."""
    with POT.open("rb") as file:
        catalog = read_po(file)
    translated = Catalog(locale="de")
    for message in catalog:
        if message.id:
            one = message.id
            strings = tuple(f"⟦{text}⟧" for text in one) if isinstance(one, tuple) else f"⟦{one}⟧"
            translated.add(one, strings)
    folder = tmp_path / "locale" / "de" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    with (folder / "osteon.mo").open("wb") as file:
        write_mo(file, translated)
    return tmp_path / "locale"


def test_no_text_is_left_untranslated(
    foreign: Path,
    sqlite_ledger_url: str,
    ledger: Engine,
    tmp_path: Path,
    open_window: Callable[[WebPlan], Window],
) -> None:
    keep_reported_study(ledger, tmp_path)
    plan = plan_for(sqlite_ledger_url, tmp_path, language="de", locale_dir=foreign, ae_title="4")
    window = open_window(plan)
    untranslated = {}
    # The description of the API is in the language of its names.
    for path in {*PAGES, "/worklist?state=blocked"} - {"/api/v1/docs"}:
        texts = _OwnTexts()
        texts.feed(window.get(path).text)
        assert texts.found
        left = [one for one in texts.found if "⟦" not in one and "⟧" not in one]
        untranslated[path] = [one for one in left if one not in NAMES]
    left = {path: texts for path, texts in untranslated.items() if texts}
    assert not left
