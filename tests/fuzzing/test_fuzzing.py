"""Ten thousand files that no modality would send: each gets an answer and a reason, none harms."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.session import open_ledger
from dicom_node.spool import FileSpool
from model.decoding.decoder import DecodeLimits, Decoder
from tests.fuzzing.campaign import (
    Findings,
    bred,
    read_and_decode,
    report_all,
    resident_bytes,
    store_all,
)
from tests.fuzzing.door import Door
from tests.fuzzing.mutants import RADIOGRAPHS
from tests.worker.conftest import OpenWard, artefact_folder, eye, open_ward  # noqa: F401

# pydicom warns of nearly every one of them; in a node it is silenced.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.requirement("R-WORK-1", "R-WORK-3", "R-DOOR-5"),
]
# The same every time, so that a change that fails is the change's fault; `make soak` takes another.
_SEED = int(os.environ.get("FUZZ_SEED", "1"))
_SOAK_SEED = int(os.environ.get("FUZZ_SEED", str(secrets.randbelow(1 << 31))))
_LIMITS = DecodeLimits(seconds=15, memory_bytes=1 << 30)
# SQLAlchemy's and pydicom's caches fill; what leaks with each of thousands of files is far more.
_MOST_GROWTH_BYTES = 32 << 20
_BLOCK, _BLOCKS = 2_500, 4
_TO_THE_LEDGER, _TO_THE_END = 1_000, 120
# Of five mutants each, found by a soak: a sequence that is a text, a header that hides the size.
STUDIES_ONCE_UNREPORTED = (10_004_010, 10_025_010, 10_032_010, 10_033_020, 10_036_000)


@pytest.fixture
def findings(tmp_path: Path) -> Findings:
    return Findings(tmp_path)


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder(_LIMITS)
    yield decoder
    decoder.close()


def _require(findings: Findings) -> None:
    print(findings)
    assert not findings.failures, "\n".join(findings.failures[:20])


@pytest.mark.slow
@pytest.mark.parametrize("block", range(_BLOCKS))
def test_header_and_decoder(findings: Findings, decoder: Decoder, block: int) -> None:
    mutants = bred(_SEED, range(block * _BLOCK, (block + 1) * _BLOCK))
    read_and_decode((next(mutants) for _ in range(200)), decoder, findings)
    before = resident_bytes()
    read_and_decode(mutants, decoder, findings)
    assert resident_bytes() - before < _MOST_GROWTH_BYTES
    _require(findings)
    assert findings.inputs == _BLOCK
    # Most must get past the header, and some past the codec, or nothing is tried.
    assert findings.answers["read"] > _BLOCK / 3
    assert findings.outcomes["decoded"] > _BLOCK / 10
    assert findings.child_deaths < _BLOCK / 100


@pytest.mark.slow
def test_spool_and_ledger(findings: Findings, sqlite_ledger_url: str, tmp_path: Path) -> None:
    door = Door(open_ledger(sqlite_ledger_url), FileSpool(tmp_path / "spool"))
    store_all(bred(_SEED, range(_TO_THE_LEDGER)), door, findings)
    _require(findings)
    assert findings.answers["0x0000"] > _TO_THE_LEDGER / 3
    assert not list((tmp_path / "spool" / "incoming").iterdir())


@pytest.mark.slow
def test_classifier_and_report(findings: Findings, open_ward: OpenWard) -> None:  # noqa: F811
    mutants = bred(_SEED, range(RADIOGRAPHS - _TO_THE_END // 2, RADIOGRAPHS + _TO_THE_END // 2))
    report_all(list(mutants), open_ward(), findings)
    _require(findings)


@pytest.mark.parametrize("first", STUDIES_ONCE_UNREPORTED)
def test_what_once_kept_a_study_unreported(
    findings: Findings,
    open_ward: OpenWard,  # noqa: F811
    first: int,
) -> None:
    report_all(list(bred(20261130, range(first, first + 5))), open_ward(), findings)
    _require(findings)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_hundred_thousand(findings: Findings, decoder: Decoder, open_ward: OpenWard) -> None:  # noqa: F811
    print(f"FUZZ_SEED={_SOAK_SEED}")
    ward = open_ward()
    before = resident_bytes()
    for start in range(0, 100_000, 1_000):
        read_and_decode(bred(_SOAK_SEED, range(start, start + 1_000)), decoder, findings)
        looked_at = range(RADIOGRAPHS + start, RADIOGRAPHS + start + 25)
        report_all(list(bred(_SOAK_SEED, [*range(start, start + 50), *looked_at])), ward, findings)
        if start == 10_000:
            before = resident_bytes()
    _require(findings)
    assert resident_bytes() - before < 2 * _MOST_GROWTH_BYTES
