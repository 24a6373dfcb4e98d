"""The API as programs use it: pages, ETags, forms, scopes, refusals that repeat nothing."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from benchmarks.ledger_of_many import fill_ledger
from db.jobs import JobKind, bury_job
from db.session import transaction
from tests.db.ledger import claim, receive, received
from tests.web.api_client import Program, make_token, program
from tests.web.signing import audit, login_window
from tests.web.window import Window
from tests.web.worklist_entries import make_entries

STUDY = "1.2.826.0.1.3680043.8.498.10"
LISTS = ("/results", "/studies", "/deliveries", "/jobs?state=done", "/verdicts")
GETS = (*LISTS, f"/studies/{STUDY}", "/model", "/status", "/openapi.json")
SCOPE_OF = {
    "/results": "results:read",
    "/results/export": "results:read",
    "/model": "results:read",
    "/studies": "studies:read",
    f"/studies/{STUDY}": "studies:read",
    "/deliveries": "studies:read",
    "/verdicts": "studies:read",
    "/jobs": "operations:read",
    "/status": "operations:read",
}


@pytest.fixture(scope="module")
def node(
    new_ledger: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Window, Engine]]:
    """Thirty studies of two images; a job that is dead."""
    with login_window(new_ledger("sqlite"), tmp_path_factory.mktemp("window")) as (window, engine):
        fill_ledger(engine, 30)
        receive(engine, received(1))
        ours = claim(engine, JobKind.ANALYSE)
        with transaction(engine) as session:
            bury_job(session, ours, error="cannot be decoded")
        make_entries(engine)
        yield window, engine


@pytest.fixture(scope="module")
def administrator(node: tuple[Window, Engine]) -> Program:
    window, engine = node
    return program(window, make_token(engine, "administrator"))


def pages(asking: Program, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """Every page, by `next`; the header Link says the same."""
    found, following = [], f"{path}{'&' if '?' in path else '?'}limit={limit}"
    while following:
        answer = asking.get(following)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        found.append(document["items"])
        following = document["next"]
        assert answer.links.get("next", {}).get("url") == following
    return found


@pytest.mark.parametrize("path", [*LISTS, "/studies?order=urgent", "/results?order=newest"])
def test_pages_make_up_the_whole(administrator: Program, path: str) -> None:
    [whole] = pages(administrator, path, 500)
    parts = pages(administrator, path, 7)
    assert [row for part in parts for row in part] == whole
    assert all(len(part) == 7 for part in parts[:-1])
    assert len(whole) >= 30 or path == "/verdicts"


@pytest.mark.parametrize("path", GETS)
def test_who_has_it_already_is_told_so(administrator: Program, path: str) -> None:
    first = administrator.get(path)
    assert first.status_code == 200, first.text
    assert first.headers["cache-control"] == "no-store"
    etag = first.headers["etag"]
    assert etag.startswith('"'), "a strong one"
    again = administrator.get(path, **{"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    other = administrator.get(path, **{"If-None-Match": '"other"'})
    assert other.status_code == 200


def test_a_study_is_told_whole(administrator: Program) -> None:
    document = administrator.get(f"/studies/{STUDY}").json()
    assert document["study"]["finding"] == "fracture"
    assert document["study"]["patient_name"].startswith("Family10^")
    assert document["images"] == administrator.get(f"/results?study={STUDY}").json()["items"]
    assert [one["revision"] for one in document["reports"]] == [1]
    assert document["deliveries"] == administrator.get(f"/deliveries?study={STUDY}").json()["items"]
    assert administrator.get("/studies/1.2.3.4").status_code == 404


@pytest.mark.parametrize(
    ("asked", "media_type"),
    [
        ({"Accept": "text/csv"}, "text/csv; charset=utf-8"),
        ({"Accept": "application/x-ndjson;q=0.5, text/html"}, "application/x-ndjson"),
        (
            {"Accept": "text/csv;q=0.1, application/vnd.apache.parquet"},
            "application/vnd.apache.parquet",
        ),
        ({"Accept": "*/*"}, "application/json"),
        ({}, "application/json"),
    ],
)
def test_a_program_says_which_form_it_takes(
    administrator: Program, asked: dict[str, str], media_type: str
) -> None:
    answer = administrator.get("/results?limit=1", **asked)
    assert answer.headers["content-type"] == media_type
    assert answer.links["next"]["url"].startswith("/api/v1/results?limit=1&after=")


def test_a_form_that_there_is_not_is_refused(administrator: Program) -> None:
    for accept in ("image/png", "text/csv;q=0", ""):
        assert administrator.get("/results", Accept=accept).status_code == 406


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/results?sate=fracture", "query.sate"),
        ("/results?state=Doe^Jane", "query.state"),
        ("/results?from=Doe^Jane", "query.from"),
        ("/results?after=Doe^Jane", "query.after"),
        ("/results?limit=501", "query.limit"),
        ("/results?region=" + "Doe^Jane" * 9, "query.region"),
        ("/results?Doe^Jane=1", "query.…"),
        ("/studies?search=" + "Doe^Jane" * 9, "query.search"),
        ("/studies/Doe^Jane", "path.study_instance_uid"),
        ("/jobs?after=99999999999", "query.after"),
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(
    administrator: Program, path: str, where: str
) -> None:
    answer = administrator.get(path)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert {"type", "title", "status", "detail"} <= set(document)
    assert [one["where"] for one in document["errors"]] == [where]
    assert "Doe" not in answer.text


def test_a_token_is_good_for_its_scopes_alone(node: tuple[Window, Engine]) -> None:
    window, engine = node
    for path, scope in SCOPE_OF.items():
        others = [one for one in set(SCOPE_OF.values()) if one != scope]
        good = program(window, make_token(engine, "administrator", scope))
        bad = program(window, make_token(engine, "administrator", *others))
        assert good.get(path).status_code == 200, path
        refused = bad.get(path)
        assert refused.status_code == 403, path
        assert refused.json()["detail"] == f"the token has no scope {scope}"
    viewer = program(window, make_token(engine, "viewer"))
    assert viewer.get("/status").status_code == 403
    assert viewer.get("/results").status_code == 200
    assert viewer.post(f"/studies/{STUDY}/verdicts", {"opinion": "agree"}).status_code == 403


def test_without_a_token_nothing_is_told(node: tuple[Window, Engine]) -> None:
    window, _ = node
    stranger = program(window, "ost_unknown")
    for path in (*GETS, "/results/export", "/docs"):
        answer = stranger.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_dead_job_is_given_a_new_start_once(
    node: tuple[Window, Engine], administrator: Program
) -> None:
    [job] = administrator.get("/jobs?state=dead").json()["items"]
    assert job["last_error"] == "cannot be decoded"
    path = f"/jobs/{job['job_id']}/requeue"
    assert administrator.post(path).json() == {"job_id": job["job_id"]}
    again = administrator.post(path)
    assert (again.status_code, again.json()["title"]) == (409, "Conflict")
    assert administrator.post("/jobs/999999/requeue").status_code == 404
    assert [row[1] for row in audit(node[1])].count("job-requeued") == 1


def test_a_verdict_is_given_and_read_back(node: tuple[Window, Engine]) -> None:
    window, engine = node
    reader = program(window, make_token(engine, "reader"))
    [image, _] = reader.get(f"/results?study={STUDY}").json()["items"]
    told = {
        "opinion": "disagree",
        "sop_instance_uid": image["sop_instance_uid"],
        "finding": "fracture",
        "boxes": [{"x0": 1, "y0": 2, "x1": 3, "y1": 4}],
        "comment": "at the edge",
    }
    given = reader.post(f"/studies/{STUDY}/verdicts", told)
    assert given.status_code == 201, given.text
    assert (given.json()["reader"], given.json()["model"]) == ("reader", "osteon 1.0")
    assert reader.get("/verdicts").json()["items"] == [given.json()]
    assert ("reader", "verdict-given", "done", "by token test; disagree") in audit(engine)
    for wrong in (
        {"opinion": "disagree"},
        {"opinion": "perhaps"},
        {"opinion": "partly", "region": "nose"},
        {"opinion": "partly", "comment": "\ud800"},
        {"opinion": "partly", "comment": "a\0b"},
        told | {"boxes": [{"x0": 3, "y0": 2, "x1": 1, "y1": 4}]},
    ):
        assert reader.post(f"/studies/{STUDY}/verdicts", wrong).status_code == 422, wrong
    elsewhere = told | {"sop_instance_uid": "9.9"}
    assert reader.post(f"/studies/{STUDY}/verdicts", elsewhere).status_code == 404
    assert reader.post("/studies/9.9/verdicts", {"opinion": "agree"}).status_code == 404


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_long_is_refused(node: tuple[Window, Engine], announced: bool) -> None:
    window, engine = node
    reader = program(window, make_token(engine, "reader"))
    body = b'{"opinion": "agree", "comment": "' + b"a" * 100_000 + b'"}'
    content = body if announced else iter([body[:50_000], body[50_000:]])
    answer = reader.client.post(
        f"/api/v1/studies/{STUDY}/verdicts",
        content=content,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_view_is_written_down(node: tuple[Window, Engine]) -> None:
    window, engine = node
    viewer = program(window, make_token(engine, "viewer"))
    before = len(audit(engine))
    for path in (
        "/results?region=wrist",
        "/results/export?source=PACS&format=parquet",
        "/studies?search=family",
        f"/studies/{STUDY}",
        "/verdicts",
    ):
        assert viewer.get(path).status_code == 200
    assert [row[1:] for row in audit(engine)[before:]] == [
        ("results-viewed", "done", "by token test; region"),
        ("results-exported", "done", "by token test; parquet; by source"),
        ("worklist-viewed", "done", "by token test"),
        ("study-viewed", "done", "by token test"),
        ("verdicts-viewed", "done", "by token test"),
    ]


API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def test_the_page_about_it_names_all_that_there_is(administrator: Program) -> None:
    told = API_PAGE.read_text()
    for path, operations in administrator.get("/openapi.json").json()["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path.removeprefix('/api/v1')}`" in told, path


def test_the_examples_are_answered(administrator: Program) -> None:
    asked = re.findall(r"^GET (\S+)$", API_PAGE.read_text(), re.M)
    assert len(asked) == 3
    for path in asked:
        assert administrator.get(path).status_code == 200, path
