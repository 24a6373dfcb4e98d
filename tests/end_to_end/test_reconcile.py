"""Orthanc is the PACS and has more than it ever sent: reconcile says what, and gets it."""

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
from tests.end_to_end.small_studies import small_study, study_uid
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 120
PERIOD = ("--since", "2026-01-01", "--until", "2026-01-01")  # the study date of dicomize


@dataclass(frozen=True)
class Site:
    """A node, its PACS, and studies in it: one sent, one sent by half, one never sent."""

    node: Node
    pacs: Orthanc
    sent: str
    half: str
    unknown: str

    def reconcile(self, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code, and what is said of each study."""
        before = len(self.node.log("commands"))
        arguments = ["reconcile", "--peer", self.pacs.address, *PERIOD, "--json", *options]
        code = self.node.ask(arguments)
        lines = self.node.log("commands")[before:].splitlines()
        said = [json.loads(line) for line in lines if '"outcome"' in line]
        return code, {one["study_instance_uid"]: one for one in said}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("reconcile")
    pacs = Orthanc(folder / "pacs")
    studies = [small_study(name, images=2) for name in ("sent", "half", "unknown")]
    with (
        forked_node(folder, nursery, destinations=pacs.address) as node,
        running_orthanc(pacs, node.port),
    ):
        sent, half, _ = [[upload(pacs, one) for one in study] for study in studies]
        for identifier in (*sent, half[0]):
            pacs.post("/modalities/osteon/store", identifier.encode())
        node.wait_for_studies("delivered", 2, RESULT_SECONDS)
        yield Site(node, pacs, *map(study_uid, studies))


def upload(pacs: Orthanc, dataset: Dataset) -> str:
    encoded = BytesIO()
    write_dicom(dataset, encoded)
    return str(pacs.post("/instances", encoded.getvalue())["ID"])


def test_what_the_pacs_never_sent_is_found_and_fetched(site: Site) -> None:
    code, first = site.reconcile()
    assert {uid: (one["outcome"], one["missing"]) for uid, one in first.items()} == {
        site.sent: ("delivered", 0),
        site.half: ("incomplete", 1),
        site.unknown: ("unknown", None),
    }
    assert code == 42
    code, mended = site.reconcile("--backfill", "--by", "get")
    assert {uid: one["fetched"] for uid, one in mended.items()} == {
        site.sent: None,
        site.half: 1,
        site.unknown: 2,
    }
    assert code == 0
    site.node.wait_for_studies("delivered", 3, RESULT_SECONDS)
    # By the counts, which hold our results too, and image by image.
    for options in (("--by-count",), ()):
        code, last = site.reconcile(*options)
        assert (code, {one["outcome"] for one in last.values()}) == (0, {"delivered"})


def test_the_pacs_calls_back_where_it_is_told_to(site: Site) -> None:
    study = small_study("moved", images=2)
    for dataset in study:
        upload(site.pacs, dataset)
    code, mended = site.reconcile("--backfill", "--by", "move")
    assert (code, mended[study_uid(study)]["fetched"]) == (0, 2), site.node.log("commands")
    assert len(site.node.images(study_uid(study))) == 2
