"""Reading a received header: what real senders write, and what hostile ones do."""

import struct
import time
import tracemalloc
import zlib
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from db.intake import ReceivedInstance
from dicom_node.header_reading import NotUnderstood
from dicom_node.received import ReceivedObject
from dicom_node.routing.image import Origin
from dicom_node.routing.rules import decide
from dicom_node.spool import SpooledObject
from tests.dicom_node.sent_objects import encoded, radiograph

SPOOLED = SpooledObject("k", "s", 1)


def instance_of(data: bytes, syntax: UID = ExplicitVRLittleEndian) -> ReceivedInstance:
    received = ReceivedObject(BytesIO(data), syntax)
    decision = decide((), received.routed(Origin()))
    return received.instance("association", SPOOLED, decision)


@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_the_ledger_gets_what_the_header_says(syntax: UID) -> None:
    dataset = radiograph(ViewPosition="PA", IssuerOfPatientID="CLINIC")
    instance = instance_of(encoded(dataset, syntax), syntax)
    assert instance == ReceivedInstance(
        association_id="association",
        study_instance_uid=dataset.StudyInstanceUID,
        series_instance_uid=dataset.SeriesInstanceUID,
        sop_instance_uid=dataset.SOPInstanceUID,
        sop_class_uid=dataset.SOPClassUID,
        transfer_syntax_uid=syntax,
        spool_key="k",
        sha256="s",
        size_bytes=1,
        is_image=True,
        modality="CR",
        patient_id="P1",
        patient_name="Müller^Jörg",
        patient_birth_date="19600101",
        patient_sex="M",
        issuer_of_patient_id="CLINIC",
        accession_number="ACC1",
        study_date="20260102",
        study_time="101500",
        study_description="Handgelenk",
        series_number=1,
        series_description="",
        body_part="WRIST",
        laterality="L",
        view_position="PA",
        instance_number=2,
        rows=64,
        columns=48,
    )


@pytest.mark.parametrize(
    ("character_set", "raw", "expected"),
    [
        ("ISO_IR 192", "Ångström^Åsa".encode(), "Ångström^Åsa"),
        ("ISO_IR 144", b"\xbb\xee\xda^\xb8", "Люк^И"),
        (
            "\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        ("GB18030", "王^小东".encode("gb18030"), "王^小东"),
    ],
)
def test_names_arrive_in_their_own_script(character_set: str, raw: bytes, expected: str) -> None:
    assert instance_of(with_name(character_set, raw)).patient_name == expected


@pytest.mark.parametrize(
    ("character_set", "raw"),
    [
        ("ISO_IR 192", b"M\xfcller^J\xf6rg"),
        ("NO SUCH SET", b"M\xfcller^J\xf6rg"),
        ("\\ISO 2022 IR 87", b"Yamada\x1b$B;"),
        ("", b"M\xfcller^J\xf6rg\x00\x01"),
    ],
)
def test_a_broken_character_set_is_no_reason_to_refuse(character_set: str, raw: bytes) -> None:
    assert instance_of(with_name(character_set, raw)).patient_id == "P1"


def with_name(character_set: str, raw: bytes) -> bytes:
    """A data set with this character set and these bytes as PatientName."""
    dataset = radiograph(SpecificCharacterSet=None, PatientName=None)
    raw += b" " * (len(raw) % 2)
    term = character_set.encode() + b" " * (len(character_set) % 2)
    first = element(0x0008, 0x0005, b"CS", term)
    name = element(0x0010, 0x0010, b"PN", raw)
    data = encoded(dataset)
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0020, b"LO"))
    return first + data[:at] + name + data[at:]


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def test_numbers_that_are_none_are_left_out() -> None:
    data = encoded(radiograph(InstanceNumber=None, SeriesNumber=None))
    at = data.index(struct.pack("<HH2s", 0x0020, 0x000E, b"UI"))
    nonsense = element(0x0020, 0x0011, b"IS", b"9" * 30) + element(0x0020, 0x0013, b"IS", b"ab")
    end = at + 8 + struct.unpack_from("<H", data, at + 6)[0]
    instance = instance_of(data[:end] + nonsense + data[end:])
    assert (instance.series_number, instance.instance_number) == (None, None)


@pytest.mark.parametrize("levels", [100, 5_000, 100_000])
def test_nesting_without_end_is_refused_or_read_but_never_a_crash(levels: int) -> None:
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    data = encoded(radiograph())
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    with pytest.raises(NotUnderstood):
        instance_of(data[:at] + (sequence + item) * levels + data[at:])


@pytest.mark.requirement("R-KEEP-5")
def test_a_deflated_bomb_is_read_within_bounds() -> None:
    bomb = (
        element(0x0008, 0x0016, b"UI", b"1.2.840.10008.5.1.4.1.1.1\0")
        + struct.pack("<HH2sHL", 9, 1, b"OB", 0, 1 << 29)
        + bytes(1 << 28)
    )
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    data = compressor.compress(bomb) + compressor.flush()
    del bomb
    assert_refused_in_little_memory(data, DeflatedExplicitVRLittleEndian)


def test_a_header_without_end_is_read_within_bounds() -> None:
    empty_elements = element(0x0009, 0x0001, b"LO", b"") * 500_000
    assert_refused_quickly(empty_elements, ExplicitVRLittleEndian)
    sequence = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    assert_refused_quickly(sequence + item + empty_elements, ExplicitVRLittleEndian)


def test_a_value_without_end_is_read_within_bounds() -> None:
    claim = struct.pack("<HHL", 0x0008, 0x0016, 0xFFFFFFF0) + bytes(1 << 25)
    assert_refused_in_little_memory(claim, ImplicitVRLittleEndian)
    undelimited = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, 0xFFFFFFFF) + bytes(1 << 25)
    assert_refused_in_little_memory(undelimited, ExplicitVRLittleEndian)


def assert_refused_quickly(data: bytes, syntax: UID) -> None:
    started_at = time.process_time()
    with pytest.raises(NotUnderstood):
        ReceivedObject(BytesIO(data), syntax)
    assert time.process_time() - started_at < 3


def assert_refused_in_little_memory(data: bytes, syntax: UID) -> None:
    stream = BytesIO(data)
    tracemalloc.start()
    with pytest.raises(NotUnderstood):
        ReceivedObject(stream, syntax)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 16 << 20


def test_a_large_private_element_before_the_patient_does_not_matter() -> None:
    private = struct.pack("<HH2sHL", 0x0009, 0x1001, b"OB", 0, 1 << 25) + bytes(1 << 25)
    data = encoded(radiograph())
    at = data.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
    assert instance_of(data[:at] + private + data[at:]).patient_id == "P1"


def test_another_makers_contribution_does_not_make_it_ours() -> None:
    item = Dataset()
    item.Manufacturer = "Another"
    dataset = radiograph(ContributingEquipmentSequence=[item])
    assert instance_of(encoded(dataset)).not_analysed_reason is None
