"""Routing rules through the whole node: what is analysed, how urgently, and where it goes."""

from collections.abc import Callable
from typing import Any

from db.priorities import Priority
from db.results import delivery_results
from db.session import reading
from db.tables import Job
from dicom_node.routing.table import read_rules
from tests.worker.dicom_files import study_of_two_views
from tests.worker.pacs import running_pacs
from tests.worker.ward import Ward
from worker.destinations import PacsDestination

OpenWard = Callable[..., Ward]
RULES: list[dict[str, Any]] = [
    {"name": "limbs", "body_part": "FOREARM", "priority": "stat", "destinations": ["pacs"]},
    {"name": "rest", "analyse": False, "reason": "limbs only", "destinations": ["archive"]},
]


def _fate(ward: Ward) -> dict[str, str]:
    with reading(ward.kitchen.ledger) as session:
        return {row["destination"]: row["state"] for row in delivery_results(session)}


def test_the_rule_that_hits_decides_all(open_ward: OpenWard) -> None:
    with running_pacs() as pacs, running_pacs() as archive:
        ward = open_ward(
            PacsDestination("pacs", pacs.destination),
            PacsDestination("archive", archive.destination),
            rules=read_rules(RULES),
        )
        views = study_of_two_views()
        for view in views:
            view.BodyPartExamined = "FOREARM"
        ward.receive(*views)
        ward.run_until_quiet()
        assert (len(pacs.reports()), archive.received) == (1, [])
    assert [row["rule"] for row in ward.images()] == ["limbs", "limbs"]
    assert {job.priority for job in ward.rows(Job)} == {Priority.STAT}
    assert _fate(ward) == {"pacs": "sent"}


def test_a_study_goes_wherever_one_of_its_images_goes(open_ward: OpenWard) -> None:
    with running_pacs() as pacs, running_pacs() as archive:
        ward = open_ward(
            PacsDestination("pacs", pacs.destination),
            PacsDestination("archive", archive.destination),
            rules=read_rules(RULES),
        )
        limb, other = study_of_two_views()
        limb.BodyPartExamined, other.BodyPartExamined = "FOREARM", "HAND"
        ward.receive(other, limb)
        ward.run_until_quiet()
        assert len(pacs.reports()) == len(archive.reports()) == 1
    ignored = next(row for row in ward.images() if row["rule"] == "rest")
    assert (ignored["state"], ignored["reason"]) == ("not_analysed", "limbs only")
    assert ward.study()["images_analysed"] == 1
