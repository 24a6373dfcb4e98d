"""The views tell an analyst the truth at each stage of a study's way, in documented columns."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, inspect, text

from db.deliveries import (
    Acceptance,
    Choice,
    finish_consignment,
    load_consignment,
    mark_refused,
    mark_sent,
    save_choice,
)
from db.intake import record_instance
from db.jobs import JobKind, bury_job
from db.results import (
    RESULT_DELIVERY,
    RESULT_IMAGE,
    RESULT_REPORT,
    RESULT_STUDY,
    delivery_results,
    image_results,
    study_results,
)
from db.session import reading, transaction
from tests.db.ledger import (
    FRACTURE,
    NO_FRACTURE,
    analyse,
    associate,
    claim,
    confirm,
    deliver,
    receive,
    received,
    report,
    settle,
)

VIEWS = [RESULT_IMAGE, RESULT_STUDY, RESULT_REPORT, RESULT_DELIVERY]
LEDGER_PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


def study(ledger: Engine) -> dict[str, Any]:
    with reading(ledger) as session:
        (row,) = study_results(session, "1.2.3")
    return row


def images(ledger: Engine) -> list[dict[str, Any]]:
    with reading(ledger) as session:
        return image_results(session, "1.2.3")


def test_a_study_tells_its_state_from_receiving_to_delivered(ledger: Engine) -> None:
    states = []
    associate(ledger)
    with transaction(ledger) as session:
        record_instance(session, received(1))
    states.append(study(ledger)["state"])
    receive(ledger, received(2))
    states.append(study(ledger)["state"])
    analyse(ledger, FRACTURE, NO_FRACTURE)
    states.append(study(ledger)["state"])
    report(ledger, "PACS")
    states.append(study(ledger)["state"])
    deliver(ledger)
    states.append(study(ledger)["state"])
    confirm(ledger)
    states.append(study(ledger)["state"])
    assert states == [
        "receiving",
        "analysing",
        "reporting",
        "reported",
        "delivered",
        "committed",
    ]
    row = study(ledger)
    assert (row["finding"], row["probability"], row["report_revision"]) == ("fracture", 0.9, 1)
    assert (row["images"], row["images_analysed"], row["images_pending"]) == (2, 2, 0)
    assert (row["deliveries"], row["deliveries_sent"]) == (2, 2)


def test_each_stage_has_its_time_in_order(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS", "ARCHIVE")
    deliver(ledger)
    assert images(ledger)[0]["delivered_at"] is None, "one of two destinations still lacks it"
    deliver(ledger)
    confirm(ledger)
    assert images(ledger)[0]["committed_at"] is None, "one of two has not said that it keeps it"
    confirm(ledger)
    (image,) = images(ledger)
    stages = ("received_at", "analysed_at", "reported_at", "delivered_at", "committed_at")
    times = [image[stage] for stage in stages]
    assert times == sorted(times)
    assert all(isinstance(time, datetime) and time.tzinfo is UTC for time in times)
    assert study(ledger)["delivered_at"] == image["delivered_at"]
    assert study(ledger)["committed_at"] == image["committed_at"]


def test_an_image_carries_what_was_found(ledger: Engine) -> None:
    receive(ledger, received(1))
    assert images(ledger)[0]["state"] == "waiting"
    ours = claim(ledger, JobKind.ANALYSE, lease_seconds=0)
    assert (images(ledger)[0]["state"], ours.attempt) == ("analysing", 1)
    analyse(ledger, FRACTURE)
    (image,) = images(ledger)
    assert (image["state"], image["model"], image["region"]) == ("fracture", "osteon 1.0", "wrist")
    assert image["boxes"] == FRACTURE.boxes
    assert image["type"] is image["reason"] is None


def test_every_instance_without_a_finding_has_its_reason(ledger: Engine) -> None:
    receive(
        ledger,
        received(1),
        received(1, sha256="f" * 64),
        received(2, not_analysed_reason="modality CT"),
        received(3, is_image=False, not_analysed_reason="no image: SR"),
    )
    told = {(image["state"], image["reason"], image["is_image"]) for image in images(ledger)}
    other_bytes = "the SOP Instance UID arrived again with other bytes: kept apart, not analysed"
    assert told == {
        ("waiting", None, True),
        ("quarantined", other_bytes, True),
        ("not_analysed", "modality CT", True),
        ("not_analysed", "no image: SR", False),
    }
    row = study(ledger)
    assert (row["images"], row["quarantined"], row["other_objects"]) == (2, 1, 1)
    assert (row["images_not_analysed"], row["images_pending"]) == (1, 1)


def test_a_late_image_is_not_said_to_be_in_the_earlier_report(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    receive(ledger, received(2))
    analyse(ledger, NO_FRACTURE)
    first, late = images(ledger)
    assert first["reported_at"] is not None
    assert late["reported_at"] is None
    assert study(ledger)["state"] == "reporting"


def test_what_a_person_must_see_has_its_state_and_reason(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    settle(ledger)
    ours = claim(ledger, JobKind.REPORT)
    with transaction(ledger) as session:
        bury_job(session, ours, error="no character set")
    assert (study(ledger)["state"], study(ledger)["reason"]) == ("failed", "no character set")
    receive(ledger, received(2))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    refused = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        for item in load_consignment(session, refused.subject_id).items:
            mark_refused(session, refused, item.delivery_id, status=None, error="SOP class refused")
        finish_consignment(session, refused)
    assert (study(ledger)["state"], study(ledger)["reason"]) == ("failed", "SOP class refused")
    receive(ledger, received(3, patient_id="P2"))
    assert study(ledger)["state"] == "blocked"
    assert "PatientID" in study(ledger)["reason"]
    assert images(ledger)[2]["state"] == "blocked"


def test_what_a_destination_got_and_why_is_told(ledger: Engine) -> None:
    receive(ledger, received(1))
    analyse(ledger, FRACTURE)
    report(ledger, "PACS")
    ours = claim(ledger, JobKind.DELIVER)
    with transaction(ledger) as session:
        item, capture = load_consignment(session, ours.subject_id).items
        choice = Choice("SR", "accepts SR", {capture.delivery_id: "not accepted"})
        save_choice(session, ours, choice)
        mark_sent(session, ours, item.delivery_id, Acceptance(1, status=0, warning=None))
        finish_consignment(session, ours)
    with reading(ledger) as session:
        (row,) = delivery_results(session, "1.2.3")
    told = (row["destination"], row["state"], row["rung"], row["why"], row["proof"])
    assert told == ("PACS", "sent", "SR", "accepts SR", None)
    assert (row["objects"], row["sent"], row["committed"]) == (1, 1, 0)
    assert study(ledger)["state"] == "delivered"
    confirm(ledger)
    with reading(ledger) as session:
        (row,) = delivery_results(session, "1.2.3")
    assert (row["state"], row["proof"]) == ("committed", "commitment")


def test_a_study_without_images_says_so(ledger: Engine) -> None:
    receive(ledger, received(1, is_image=False, not_analysed_reason="no image: SR"))
    assert (study(ledger)["state"], study(ledger)["finding"]) == ("no_images", None)


def test_a_study_is_found_by_its_uid_alone(ledger: Engine) -> None:
    receive(ledger, received(1), received(1, study="4.5.6"))
    with reading(ledger) as session:
        assert len(study_results(session)) == len(image_results(session)) == 2
        assert [row["study_instance_uid"] for row in study_results(session, "4.5.6")] == ["4.5.6"]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_views_have_the_columns_we_read(ledger: Engine, view: Any) -> None:
    found = [column["name"] for column in inspect(ledger).get_columns(view.name)]
    assert found == [column.name for column in view.columns]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_the_page_about_the_ledger_names_every_column(view: Any) -> None:
    section = LEDGER_PAGE.read_text().split(f"## `{view.name}`")[1].split("\n## ")[0]
    named = re.findall(r"^\| `(\w+)`", section, flags=re.MULTILINE)
    assert named == [column.name for column in view.columns]


def test_the_pages_example_queries_run(ledger: Engine) -> None:
    queries = re.findall(r"```sql\n(.*?)```", LEDGER_PAGE.read_text(), flags=re.DOTALL)
    assert len(queries) >= 4
    with ledger.connect() as connection:
        for query in queries:
            connection.execute(text(query))
