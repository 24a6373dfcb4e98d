"""Orthanc sends us images, asks whether we keep them, and is told what is on the disk."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dicom_node.dicomize import write_dicom
from tests.end_to_end.node import Node
from tests.end_to_end.orthanc import Orthanc, running_orthanc
from tests.end_to_end.small_studies import small_study
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
ANSWER_SECONDS = 30
NO_SUCH_INSTANCE = 0x0112


@dataclass(frozen=True)
class Site:
    """A PACS, and a node that receives and answers; nobody analyses."""

    node: Node
    pacs: Orthanc

    def post(self, path: str, **asked: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.pacs.post(path, json.dumps(asked).encode())
        return answer

    def told(self, transaction_uid: str) -> dict[str, Any]:
        """What the PACS was told, once it was."""

        def answer() -> dict[str, Any] | None:
            report: dict[str, Any] = self.pacs.get(f"/storage-commitment/{transaction_uid}")
            return None if report["Status"] == "Pending" else report

        try:
            return wait_for(answer, "our N-EVENT-REPORT", ANSWER_SECONDS) or {}
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.node.log()}") from None


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("commitment")
    pacs = Orthanc(folder / "pacs")
    parts = ("listener", "beat", "reporter", "courier")
    with (
        forked_node(folder, nursery, *parts, destinations=pacs.address) as node,
        running_orthanc(pacs, node.port),
    ):
        yield Site(node, pacs)
        for part in parts:
            node.kill(part)  # an orderly end would take seconds, and is another test's


@pytest.fixture(scope="module")
def study(site: Site) -> list[Dataset]:
    images = small_study("committed")
    for image in images:
        encoded = BytesIO()
        write_dicom(image, encoded)
        site.pacs.post("/instances", encoded.getvalue())
    return images


def test_orthanc_sends_a_study_and_is_told_that_we_keep_it(
    site: Site, study: list[Dataset]
) -> None:
    stored = site.post(
        "/modalities/osteon/store",
        Resources=[site.pacs.find_study(study[0].StudyInstanceUID)],
        StorageCommitment=True,
    )
    report = site.told(stored["StorageCommitmentTransactionUID"])
    assert report["Status"] == "Success"
    assert uids(report["Success"]) == {image.SOPInstanceUID for image in study}
    assert report["RemoteAET"] == "OSTEON"


def test_orthanc_is_told_what_we_lost(site: Site, study: list[Dataset]) -> None:
    lost, *others = (image.SOPInstanceUID for image in study)
    [key] = [one["file"] for one in site.node.images() if one["sop_instance_uid"] == lost]
    site.node.spool.remove(key)
    asked = site.post(
        "/modalities/osteon/storage-commitment",
        DicomInstances=[[image.SOPClassUID, image.SOPInstanceUID] for image in study],
    )
    report = site.told(asked["ID"])
    assert report["Status"] == "Failure"
    assert uids(report["Success"]) == set(others)
    [failure] = report["Failures"]
    assert (failure["SOPInstanceUID"], failure["FailureReason"]) == (lost, NO_SUCH_INSTANCE)


def uids(references: list[dict[str, str]]) -> set[str]:
    return {one["SOPInstanceUID"] for one in references}
