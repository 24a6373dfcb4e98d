"""What reports are built from comes back from the spool, whatever else the file holds."""

import struct
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.results.evidence import read_evidence
from dicom_node.results.source_image import best_spacing
from dicom_node.spool import FileSpool
from tests.dicom_node.results.report_sources import full_dx


def _table(entries: int) -> Dataset:
    table = Dataset()
    table.LUTDescriptor = [entries % 65536, 0, 16]
    table.add_new("LUTData", "OW", bytes(2 * entries))
    return table


def _reread(source: Dataset, folder: Path) -> Dataset:
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    spool = FileSpool(folder / "spool")
    return read_evidence(spool, spool.write(buffer.getvalue()).key)


@pytest.mark.parametrize(("tables", "kept"), [(1, True), (9, False)])
def test_tables_are_read_unless_they_are_too_large(tables: int, kept: bool, tmp_path: Path) -> None:
    source = full_dx()
    source.VOILUTSequence = [_table(65536)] * tables
    header = _reread(source, tmp_path)
    assert ("VOILUTSequence" in header) == kept
    assert header.StudyDescription == "Handgelenk links"
    assert header.RequestAttributesSequence[0].RequestedProcedureID == "RP-1"


def test_a_file_that_breaks_off_behind_its_identity_is_evidence_all_the_same(
    tmp_path: Path,
) -> None:
    source = full_dx()
    source.file_meta = FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    buffer = BytesIO()
    source.save_as(buffer, enforce_file_format=True)
    damage = struct.pack("<HH2sHL", 0x0028, 0x3010, b"SQ", 0, 0xFFFFFFFF) + b"no item"
    spool = FileSpool(tmp_path / "spool")
    header = read_evidence(spool, spool.write(buffer.getvalue() + damage).key)
    assert header.SOPInstanceUID == source.SOPInstanceUID
    assert header.PatientID == source.PatientID
    assert header.StudyDescription == "Handgelenk links"


@pytest.mark.parametrize("spacing", ["inf", "1e300", "nan", "-1", "0"])
def test_a_spacing_that_no_result_can_hold_is_none(spacing: str) -> None:
    header = Dataset()
    header.PixelSpacing = [spacing, "0.1"]
    assert best_spacing(header) is None
