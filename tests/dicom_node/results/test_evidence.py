"""What reports are built from comes back from the spool, whatever else the file holds."""

from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from dicom_node.results.evidence import read_evidence
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
