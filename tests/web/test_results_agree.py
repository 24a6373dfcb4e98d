"""The command, the page, the files and the API tell the same rows in the same order."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from db.result_formats import json_line
from db.result_query import ResultQuery, every_result
from db.session import open_ledger
from tests.cli.shell import Shell
from tests.db.ledger import FRACTURE, receive, received
from tests.db.results import date_instance, tell_story
from tests.web.window import plan_for, serving
from web.results.asked import STATE_WORDS

FILTERS = [
    {},
    {"state": "fracture"},
    {"region": "wrist", "state": "none"},
    {"source": "DX_WARD"},
    {"study": "1.2.3"},
    {"from": "2020-01-01", "to": "2030-12-31T00:00:00Z"},
    {"to": "2020-01-01"},
    {"from": "2021-07-01", "to": "2021-07-01"},
]


@dataclass(frozen=True)
class Node:
    """A ledger with a story, its window and its command."""

    ledger: Engine
    browser: httpx.Client
    shell: Shell

    def command(self, form: str, asked: dict[str, str]) -> str:
        options = [text for name, value in asked.items() for text in (f"--{name}", value)]
        outcome = self.shell.run("results", form, *options)
        assert outcome.code in (0, 21), outcome.stderr
        return outcome.stdout

    def get(self, path: str, asked: dict[str, str], **headers: str) -> httpx.Response:
        answer = self.browser.get(path, params=asked, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def node(module_ledger_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    ledger = open_ledger(module_ledger_url)
    tell_story(ledger)
    receive(ledger, received(9, study="9.9.9", patient_id="=1+1", body_part="Ä;\n\"'"))
    # As midnight began in the hospital, which is not that of Greenwich.
    date_instance(ledger, "9.9.9.1.9", "2021-06-30T18:30:00Z")
    folder = tmp_path_factory.mktemp("window")
    settings = {"database_url": module_ledger_url, "time_zone": "Asia/Kolkata"}
    with (
        serving(plan_for(module_ledger_url, folder)) as window,
        httpx.Client(base_url=f"http://127.0.0.1:{window.port}") as browser,
    ):
        yield Node(ledger, browser, Shell(folder, settings))
    ledger.dispose()


@pytest.mark.parametrize("asked", FILTERS, ids=str)
def test_every_way_tells_the_same_rows(node: Node, asked: dict[str, str]) -> None:
    lines = node.command("--json", asked)
    documents = [json.loads(line) for line in lines.splitlines()]
    assert node.get("/results.json", asked).text == lines
    assert node.get("/api/v1/results/export", asked | {"format": "ndjson"}).text == lines
    assert node.get("/api/v1/results", asked, Accept="application/x-ndjson").text == lines
    assert node.get("/api/v1/results", asked).json()["items"] == documents
    sheet = node.command("--csv", asked)
    assert node.get("/results.csv", asked).text == sheet
    assert node.get("/api/v1/results/export", asked).text == sheet
    assert node.get("/api/v1/results", asked | {"format": "csv"}).text == sheet
    assert len(list(csv.reader(io.StringIO(sheet)))) == len(documents) + 1
    for path in ("/results.parquet", "/api/v1/results/export?format=parquet"):
        assert columns(node.get(path, dict(asked) | form_of(path)).content) == documents
    assert shown(node.get("/results", asked).text) == [told(row) for row in documents]


def test_the_story_has_what_could_be_told_differently(node: Node) -> None:
    rows = list(every_result(node.ledger, ResultQuery()))
    assert len(rows) == 10
    assert {row["state"] for row in rows} == {*STATE_WORDS} - {"possible"}
    assert [row["boxes"] for row in rows if row["boxes"]] == [FRACTURE.boxes]
    assert rows[0]["sop_instance_uid"] == "9.9.9.1.9"
    day = {"from": "2021-07-01", "to": "2021-07-01"}
    assert len(node.get("/api/v1/results", day).json()["items"]) == 1


def form_of(path: str) -> dict[str, str]:
    return {"format": "parquet"} if "format" in path else {}


def columns(parquet: bytes) -> list[dict[str, Any]]:
    """The rows of the file, as documents."""
    rows = pq.read_table(io.BytesIO(parquet)).to_pylist()
    return [json.loads(json_line(row)) for row in rows]


def shown(page: str) -> list[tuple[str, ...]]:
    """By row: image, study, state, probability, region, network and sender as the page has them."""
    found = []
    for row in re.findall(r"<tr data-row.*?</tr>", page, re.S):
        uid = re.search(r'data-row="([^"]*)"', row)
        study = re.search(r'href="/study/([^"]*)"', row)
        cells = [
            " ".join(html.unescape(re.sub(r"<[^>]*>", " ", cell)).split())
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.S)
        ]
        assert uid
        assert study
        state = re.sub(r" .*", "", cells[3]) if cells[3] != "None found" else "None"
        found.append((uid[1], study[1], state, cells[4], cells[5], cells[7], cells[8]))
    return found


def told(row: dict[str, Any]) -> tuple[str, ...]:
    probability = "–" if row["probability"] is None else f"{row['probability']:.2f}"
    return (
        row["sop_instance_uid"],
        row["study_instance_uid"],
        STATE_WORDS[row["state"]].partition(" ")[0],
        probability,
        row["region"] or "–",
        row["model"] or "–",
        row["source_ae_title"],
    )
