"""DCMTK sends in every syntax that it can, and takes the results: as 3D SR, or as plain SR."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)
from pynetdicom.sop_class import Comprehensive3DSRStorage, ComprehensiveSRStorage

from dicom_node.dicomize import ImageForm, write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from tests.end_to_end.node import AE_TITLE, Node
from tests.end_to_end.small_studies import study_uid
from tests.end_to_end.viewers import report_text
from tests.faults.forked_node import forked_node
from tests.faults.nursery import Nursery
from tests.servers import free_port
from tests.services import require_program
from tests.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RESULT_SECONDS = 120
# storescu's option that proposes the syntax.
OPTIONS = {
    ExplicitVRLittleEndian: "--propose-little",
    ImplicitVRLittleEndian: "--propose-implicit",
    ExplicitVRBigEndian: "--propose-big",
    DeflatedExplicitVRLittleEndian: "--propose-deflated",
    RLELossless: "--propose-rle",
    JPEGLSLossless: "--propose-jls-lossless",
    JPEG2000Lossless: "--propose-j2k-lossless",
}
# DCMTK's own knows both SR classes.
OLD_PROFILE = """
[[TransferSyntaxes]]
[Uncompressed]
TransferSyntax1 = LocalEndianExplicit
[[PresentationContexts]]
[Old]
PresentationContext1 = ComprehensiveSRStorage\\Uncompressed
PresentationContext2 = SecondaryCaptureImageStorage\\Uncompressed
PresentationContext3 = 1.2.840.10008.1.1\\Uncompressed
[[Profiles]]
[Old]
PresentationContexts = Old
"""


@dataclass
class StoreScp:
    """DCMTK's storescp, which keeps what it is sent as files in `folder`."""

    folder: Path
    options: Sequence[str] = ()
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        return f"STORESCP@127.0.0.1:{self.port}"

    def reports(self, study_instance_uid: str) -> list[Path]:
        return [
            path
            for path in sorted(self.folder.glob("SR*"))
            if dcmread(path).StudyInstanceUID == study_instance_uid
        ]


@dataclass(frozen=True)
class Site:
    """A node between storescu and two storescp, one of which knows no Comprehensive 3D SR."""

    node: Node
    modern: StoreScp
    old: StoreScp
    studies: dict[UID, list[Dataset]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[Site]:
    """Every syntax has been sent, each as a study of its own."""
    folder = tmp_path_factory.mktemp("dcmtk")
    profile = folder / "old.cfg"
    profile.write_text(OLD_PROFILE)
    modern = StoreScp(folder / "modern")
    old = StoreScp(folder / "old", ["--config-file", str(profile), "Old"])
    destinations = f"{modern.address},{old.address}"
    with ExitStack() as stack:
        for scp in (modern, old):
            stack.enter_context(_running(scp))
        node = stack.enter_context(forked_node(folder, nursery, destinations=destinations))
        studies = {syntax: _phantom(seed, syntax) for seed, syntax in enumerate(OPTIONS, start=1)}
        for syntax, study in studies.items():
            _storescu(node, OPTIONS[syntax], study, folder)
        yield Site(node, modern, old, studies)


@pytest.mark.parametrize("syntax", OPTIONS, ids=lambda syntax: syntax.keyword)
def test_each_syntax_ends_as_a_result(site: Site, syntax: UID) -> None:
    study = study_uid(site.studies[syntax])
    wait_for(lambda: _state(site, study) == "delivered", "the delivery", RESULT_SECONDS)
    (image,) = site.node.images(study)
    assert image["probability"] is not None
    assert dcmread(site.node.kept_file(image["file"])).file_meta.TransferSyntaxUID == syntax


@pytest.mark.parametrize("syntax", OPTIONS, ids=lambda syntax: syntax.keyword)
def test_a_peer_gets_the_report_in_the_class_it_knows(site: Site, syntax: UID) -> None:
    study = study_uid(site.studies[syntax])
    wait_for(lambda: _state(site, study) == "delivered", "the delivery", RESULT_SECONDS)
    (preferred,) = site.modern.reports(study)
    assert dcmread(preferred).SOPClassUID == Comprehensive3DSRStorage
    (fallback,) = site.old.reports(study)
    assert dcmread(fallback).SOPClassUID == ComprehensiveSRStorage
    assert "Imaging Measurement Report" in report_text(fallback)


def _phantom(seed: int, syntax: UID) -> list[Dataset]:
    rendering = Rendering(rows=256, columns=208, form=ImageForm("DX", syntax))
    return phantom_study(seed, fractured=True, views=["ap"], rendering=rendering)


def _storescu(node: Node, proposing: str, study: list[Dataset], folder: Path) -> None:
    path = folder / "sent.dcm"
    write_dicom(study[0], path)
    program = require_program("storescu", "dcmtk")
    command = [program, "--required", proposing, "--call", AE_TITLE]
    subprocess.run([*command, "127.0.0.1", str(node.port), str(path)], check=True, timeout=60)


def _state(site: Site, study_instance_uid: str) -> str:
    return str(site.node.studies(study_instance_uid)[0]["state"])


@contextmanager
def _running(scp: StoreScp) -> Iterator[None]:
    program = require_program("storescp", "dcmtk")
    scp.folder.mkdir()
    options = [*scp.options, "--output-directory", str(scp.folder), str(scp.port)]
    process = subprocess.Popen([program, *options])
    try:
        yield
    finally:
        process.kill()
        process.wait()
