"""Files that ask for more than there is: refused in time, within bounds, with a reason."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import psutil
import pytest

from dicom_node.header_reading import NotUnderstood
from dicom_node.received import ReceivedObject
from model.decoding.decoder import DecodeLimits, Decoder
from model.not_assessable import NotAssessable
from tests.fuzzing.bombs import bombs
from tests.fuzzing.campaign import resident_bytes
from tests.model.decoding.children import children, decoding
from tests.worker.dicom_files import phantom_file

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.requirement("R-WORK-3", "R-KEEP-5")]
# As a node has them by default.
_LIMITS = DecodeLimits(seconds=30, memory_bytes=2 << 30)
# The header's own bound is 2 MiB; a bomb that is taken for what it says is of hundreds.
_LISTENER_GROWTH_BYTES = 24 << 20
_LISTENER_CPU_SECONDS = 3


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with decoding(_LIMITS) as decoder:
        yield decoder


@pytest.mark.parametrize("name", bombs())
def test_a_bomb_costs_neither_listener_nor_decoder(decoder: Decoder, name: str) -> None:
    bomb = bombs()[name]()
    stream, before, started_at = BytesIO(bomb.data), resident_bytes(), time.process_time()
    with suppress(NotUnderstood):
        ReceivedObject(stream, bomb.transfer_syntax_uid)
    assert resident_bytes() - before < _LISTENER_GROWTH_BYTES
    assert time.process_time() - started_at < _LISTENER_CPU_SECONDS

    started_at = time.monotonic()
    said = _decode(decoder, bomb.file())
    assert time.monotonic() - started_at < _LIMITS.seconds + 5
    if bomb.said is None:
        assert said in ("", "sequences are nested too deeply")
    else:
        assert re.search(bomb.said, said), said
    for child in children():
        assert psutil.Process(child).memory_info().rss < _LIMITS.memory_bytes
    # The next image, a sound one, finds a decoder with room for it.
    assert decoder.decode(phantom_file())


def _decode(decoder: Decoder, file: bytes) -> str:
    try:
        decoder.decode(file)
    except NotAssessable as refusal:
        return str(refusal)
    return ""
