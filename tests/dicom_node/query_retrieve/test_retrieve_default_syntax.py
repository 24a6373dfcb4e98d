"""C-MOVE and C-GET for who takes nothing but Implicit VR Little Endian, the default of DICOM."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.dsutils import decode

from dicom_node.peer import Destination
from tests.dicom_node.kept_results import SC, SR, KeptResult, keep, study_row
from tests.dicom_node.listening import AE_TITLE, Node, associated, running_node
from tests.dicom_node.query_retrieve.test_retrieve_service import (
    Archive,
    Get,
    counts,
    get,
    identifier,
    move,
    moved_by_movescu,
    running_archive,
)
from tests.dicom_node.test_default_syntax import differences

STUDY = "1.2.3"
BOTH = (ImplicitVRLittleEndian, ExplicitVRLittleEndian)


@pytest.fixture(scope="module")
def archives() -> Iterator[dict[str, Archive]]:
    """By AE title: one takes the default alone, the other Explicit VR too."""
    with ExitStack() as stack:
        yield {
            "DEFAULT": stack.enter_context(running_archive(ImplicitVRLittleEndian)),
            "BOTH": stack.enter_context(running_archive(*BOTH)),
        }


@pytest.fixture(scope="module")
def node(
    new_ledger: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
    archives: dict[str, Archive],
) -> Iterator[Node]:
    there = tuple(Destination(name, "127.0.0.1", one.port) for name, one in archives.items())
    folder = tmp_path_factory.mktemp("spool")
    with running_node(new_ledger("sqlite"), folder, destinations=there) as running:
        yield running


@pytest.fixture(scope="module")
def kept(node: Node) -> list[KeptResult]:
    study = study_row(STUDY)
    return [keep(node, study, SR), keep(node, study, SC)]


def decoded(data: bytes, *, implicit_vr: bool) -> Dataset:
    return correct_ambiguous_vr(decode(BytesIO(data), implicit_vr, True), True)


def assert_the_same(kept: list[KeptResult], arrived: list[Dataset]) -> None:
    for result, dataset in zip(kept, arrived, strict=True):
        original = decoded(result.data, implicit_vr=False)
        del original[0x0008, 0x0000]  # a group length, retired
        assert differences(original, dataset) == []
        assert str(dataset.PatientName) == "Müller^Jörg"


def test_c_move_encodes_anew(
    node: Node, kept: list[KeptResult], archives: dict[str, Archive]
) -> None:
    files = node.kept_files()
    for _ in range(2):
        final, _answer = move(node, identifier(StudyInstanceUID=STUDY), "DEFAULT")
        assert (final.Status, counts(final)) == (0x0000, (2, 0, 0))
    *first, third, fourth = archives["DEFAULT"].take()
    assert first == [third, fourth]
    assert_the_same(kept, [decoded(data, implicit_vr=True) for data in first])
    assert node.kept_files() == files


def test_c_move_sends_the_kept_bytes_where_both_are_accepted(
    node: Node, kept: list[KeptResult], archives: dict[str, Archive]
) -> None:
    move(node, identifier(StudyInstanceUID=STUDY), "BOTH")
    assert archives["BOTH"].take() == [result.data for result in kept]


def test_c_get_encodes_anew(node: Node, kept: list[KeptResult]) -> None:
    peer = Archive()
    asked = identifier(StudyInstanceUID=STUDY)
    final, _ = get(node, asked, peer.store, syntax=ImplicitVRLittleEndian)[-1]
    assert (final.Status, counts(final)) == (0x0000, (2, 0, 0))
    assert_the_same(kept, [decoded(data, implicit_vr=True) for data in peer.take()])


def test_c_get_sends_the_kept_bytes_in_whatever_context_takes_them(
    node: Node, kept: list[KeptResult]
) -> None:
    """A context for each syntax, and one for both."""
    peer = Archive()
    of_sr = [build_context(SR, syntax) for syntax in BOTH]
    association = AE("WORKSTATION").associate(
        "127.0.0.1",
        node.port,
        contexts=[build_context(Get), *of_sr, build_context(SC, list(BOTH))],
        ext_neg=[build_role(uid, scp_role=True) for uid in (SR, SC)],
        evt_handlers=[(evt.EVT_C_STORE, peer.store)],
        ae_title=AE_TITLE,
    )
    final, _ = list(association.send_c_get(identifier(StudyInstanceUID=STUDY), Get))[-1]
    association.release()
    assert counts(final) == (2, 0, 0)
    assert peer.take() == [result.data for result in kept]


def test_who_proposes_no_role_as_scp_gets_nothing(node: Node, kept: list[KeptResult]) -> None:
    asked = identifier(StudyInstanceUID=STUDY)
    with associated(node.port, Get, SR, SC, transfer_syntax=ImplicitVRLittleEndian) as association:
        final, _ = list(association.send_c_get(asked, Get))[-1]
    assert (final.Status, counts(final)) == (0xA702, (0, 0, 2))


@pytest.mark.integration
def test_movescu_that_takes_the_default_alone_gets_all(
    new_ledger: Callable[[str], str], tmp_path: Path
) -> None:
    """DCMTK 3.6.7's getscu proposes Explicit VR where it is told to propose Implicit VR alone."""
    results, got = moved_by_movescu(new_ledger("sqlite"), tmp_path, "+xi")
    files = {str(one.SOPInstanceUID): one for one in map(dcmread, got.iterdir())}
    assert {one.file_meta.TransferSyntaxUID for one in files.values()} == {ImplicitVRLittleEndian}
    arrived = [files[result.row.sop_instance_uid] for result in results]
    assert_the_same(results, [correct_ambiguous_vr(one, True) for one in arrived])
