"""Orthanc is the PACS: its rule routes a study to the node, and the results are in that study.

The worked example of docs/pacs.md, with the very files of deploy/.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from db.destinations import destination_states
from db.results import delivery_results
from db.session import reading
from dicom_node.outbox import send_datasets
from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import Node
from tests.end_to_end.orthanc import Orthanc, running_orthanc
from tests.end_to_end.small_studies import small_study, study_uid
from tests.end_to_end.viewers import conformance_errors, report_text
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 90
IDENTITY = ("PatientID", "PatientName", "PatientBirthDate", "AccessionNumber", "StudyInstanceUID")
# As the page has it, and the tests' own callers.
SETTINGS = """
peers = ["{address}", "MODALITY", "TESTER"]

[[destinations]]
name = "pacs"
address = "{address}"
also = ["sc", "kos"]
"""
Tags = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """A hospital's PACS and the node beside it."""

    node: Node
    pacs: Orthanc

    def deliveries(self, study_instance_uid: str) -> list[dict[str, Any]]:
        with reading(self.node.ledger) as session:
            return delivery_results(session, study_instance_uid)

    def wait_until_committed(self, study_instance_uid: str) -> None:
        def is_committed() -> bool:
            deliveries = self.deliveries(study_instance_uid)
            return [one["state"] for one in deliveries] == ["committed"]

        try:
            wait_for(is_committed, "the PACS to keep the results", RESULT_SECONDS)
        except AssertionError as late:
            said = self.deliveries(study_instance_uid)
            raise AssertionError(f"{late}: {said}\n{self.node.log()}") from None

    def said(self, *arguments: str) -> list[dict[str, Any]]:
        """What a command of `osteon` says with --json."""
        before = len(self.node.log("commands"))
        assert self.node.ask([*arguments, "--json"]) == 0
        return [json.loads(line) for line in self.node.log("commands")[before:].splitlines()]


@pytest.fixture(scope="module")
def sent() -> list[Dataset]:
    return phantom_study(11, fractured=True, rendering=Rendering(rows=512, columns=416))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("orthanc")
    pacs = Orthanc(folder / "pacs", routes=True)
    settings = folder / "osteon.toml"
    settings.write_text(SETTINGS.format(address=pacs.address))
    # The PACS routes each image on an association of its own.
    with (
        forked_node(folder, nursery, config=settings, quiet_seconds=2) as node,
        running_orthanc(pacs, node.port),
    ):
        yield Site(node, pacs)


@pytest.fixture(scope="module")
def study(site: Site, sent: list[Dataset]) -> list[Tags]:
    """What the PACS has of the study that a modality sent it, once it keeps the results."""
    send_datasets(site.pacs.here, "MODALITY", sent)
    site.wait_until_committed(study_uid(sent))
    return site.pacs.instances_of(site.pacs.find_study(study_uid(sent)))


def test_what_the_pacs_got_and_why_and_that_it_keeps_it(
    site: Site, study: list[Tags], sent: list[Dataset]
) -> None:
    [delivery] = site.said("results", "--deliveries", "--study", study_uid(sent))
    assert delivery["destination"] == "pacs"
    assert delivery["rung"].startswith("Comprehensive 3D SR + presentation states")
    assert "accepts presentation states" in delivery["why"]
    assert (delivery["state"], delivery["proof"]) == ("committed", "commitment")
    results = [tags for tags in study if tags["Modality"] != "DX"]
    assert delivery["committed"] == delivery["objects"] == len(results)
    counted = {kind: _count(results, kind) for kind in ("SR", "PR", "OT", "KO")}
    assert counted == {"SR": 1, "PR": len(sent), "OT": len(sent), "KO": 1}


def test_the_results_are_part_of_the_patients_study(study: list[Tags], sent: list[Dataset]) -> None:
    for keyword in IDENTITY:
        assert {tags[keyword] for tags in study} == {str(sent[0][keyword].value)}
    numbers = {tags["SeriesNumber"] for tags in study if tags["Modality"] != "DX"}
    assert all(number.startswith("91") for number in numbers)


def test_one_report_names_the_images(study: list[Tags], sent: list[Dataset]) -> None:
    [report] = [tags for tags in study if tags["Modality"] == "SR"]
    assert report["VerificationFlag"] == "UNVERIFIED"
    [evidence] = report["CurrentRequestedProcedureEvidenceSequence"]
    named = {
        item["ReferencedSOPInstanceUID"]
        for series in evidence["ReferencedSeriesSequence"]
        for item in series["ReferencedSOPSequence"]
    }
    assert named == {dataset.SOPInstanceUID for dataset in sent}


def test_the_pictures_are_of_the_images(study: list[Tags], sent: list[Dataset]) -> None:
    captures = [tags for tags in study if tags["Modality"] == "OT"]
    sources = {tags["SourceImageSequence"][0]["ReferencedSOPInstanceUID"] for tags in captures}
    assert sources == {dataset.SOPInstanceUID for dataset in sent}
    for tags in captures:
        assert (tags["Rows"], tags["Columns"]) == (str(sent[0].Rows), str(sent[0].Columns))
        assert tags["PhotometricInterpretation"] == "RGB"
    shown = {
        item["ReferencedSOPInstanceUID"]
        for tags in study
        if tags["Modality"] == "PR"
        for series in tags["ReferencedSeriesSequence"]
        for item in series["ReferencedImageSequence"]
    }
    assert shown == sources


def test_other_peoples_tools_read_the_results(
    site: Site, study: list[Tags], tmp_path: Path
) -> None:
    results = {tags["id"]: tags["Modality"] for tags in study if tags["Modality"] != "DX"}
    for identifier, modality in results.items():
        path = tmp_path / f"{identifier}.dcm"
        path.write_bytes(site.pacs.get_bytes(f"/instances/{identifier}/file"))
        assert conformance_errors(path) == []
        if modality == "SR":
            text = report_text(path)
            assert "Imaging Measurement Report" in text
            assert "Fracture" in text


def test_results_do_not_go_in_circles(site: Site, study: list[Tags], sent: list[Dataset]) -> None:
    """The rule sends none back; and those that come back all the same change nothing."""
    [row] = site.node.studies(study_uid(sent))
    assert (row["images"], row["other_objects"]) == (len(sent), 0)
    whole_study = site.pacs.find_study(study_uid(sent)).encode()
    assert site.pacs.post("/modalities/osteon/store", whole_study)["FailedInstancesCount"] == 0
    [row] = site.node.studies(study_uid(sent))
    assert (row["images"], row["other_objects"]) == (len(sent), len(study) - len(sent))
    reasons = {one["reason"] for one in site.node.images(study_uid(sent)) if not one["is_image"]}
    assert reasons == {"a result that Osteon made: it is never analysed"}


def test_results_wait_for_a_pacs_that_is_away(
    site: Site, study: list[Tags], sent: list[Dataset]
) -> None:
    assert study
    late = small_study("late", images=1)
    site.pacs.kill()
    send_datasets(site.node.address, "MODALITY", late)
    wait_for(lambda: _destination(site) == ("failing", 1), "a sending to fail", RESULT_SECONDS)
    site.pacs.start()
    site.wait_until_committed(study_uid(late))
    assert _destination(site) == ("up", 0)
    [delivery] = site.deliveries(study_uid(late))
    kept = site.pacs.instances_of(site.pacs.find_study(study_uid(late)))
    assert len(kept) == delivery["committed"] > 0
    # Nor did the results that came back lead to another report.
    [_] = site.deliveries(study_uid(sent))


def _count(instances: list[Tags], modality: str) -> int:
    return len([tags for tags in instances if tags["Modality"] == modality])


def _destination(site: Site) -> tuple[str, int]:
    with reading(site.node.ledger) as session:
        [state] = destination_states(session)
    return state.state, state.waiting
