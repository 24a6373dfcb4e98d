"""A hundred payloads in a patient's names: no message, table or log line says more by them."""

import csv
import io
import json
from dataclasses import replace

import pytest

from db.result_formats import csv_line, json_line
from dicom_node.discretion import printable
from messages.oru import build_oru
from tests.messages.messages_made import FRACTURED, ISSUE, STUDY, finding_of, ordinary_message, read
from tests.web.payloads import PAYLOADS

pytestmark = pytest.mark.requirement("R-DOOR-5")

SEGMENT_ENDS = "PAYLOAD\rOBX|99|ST|X||forged||||||F\nMSH|^~\\&|EVIL\x0b\x1c\r"
HOSTILE = [*PAYLOADS, SEGMENT_ENDS, "a|b^c~d\\e&f", "\\H\\bold\\N\\", "\\X0D\\", "x\x0b\x1c\x0dy"]
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def segments_of(encoded: bytes) -> list[str]:
    return [line[:3] for line in encoded.decode().strip("\x0b\x1c\r").split("\r")]


@pytest.mark.parametrize("payload", HOSTILE)
def test_an_hl7_message_keeps_its_segments(payload: str) -> None:
    study = replace(
        STUDY,
        patient_name=payload,
        patient_id=payload,
        issuer_of_patient_id=payload,
        accession_number=payload,
        study_description=payload,
        placer_order_number=payload,
        filler_order_number=payload,
    )
    message = build_oru(study, finding_of(FRACTURED), ISSUE)
    assert segments_of(message.encoded) == segments_of(ordinary_message().encoded)
    assert not {0x0B, 0x1C, 0x0A} & set(message.encoded)
    for name in ("MSH", "PID", "OBR"):
        (said,), (ordinary,) = read(message).segments(name), read(ordinary_message()).segments(name)
        assert len(said) == len(ordinary), name


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_table_has_one_cell_that_runs_nothing(payload: str) -> None:
    line = csv_line(["before", payload, "after"])
    ((before, cell, after),) = csv.reader(io.StringIO(line, newline=""))
    assert (before, after) == ("before", "after")
    assert not cell.startswith(FORMULA_STARTS)
    assert cell.removeprefix("'") == payload.removeprefix("'")


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_line_of_json_is_one_line(payload: str) -> None:
    line = json_line({"name": payload})
    assert line.count("\n") == 1 and "\r" not in line
    assert json.loads(line) == {"name": payload}


@pytest.mark.parametrize("payload", HOSTILE)
def test_what_a_peer_is_called_is_one_harmless_word_of_the_log(payload: str) -> None:
    word = printable(payload)
    assert word.isascii() and (word.isprintable() or not word) and len(word) <= 64
