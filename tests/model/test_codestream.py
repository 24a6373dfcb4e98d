"""What codestreams say of their size, and that nobody who says otherwise is decoded."""

from io import BytesIO

import pytest
from pydicom import dcmread

from model.codestream import matrix_in
from model.radiograph import NotAssessable, read_dicom
from model.stored_frame import read_stored_frame
from tests.fuzzing.draft import Draft
from tests.fuzzing.mutants import file_head
from tests.fuzzing.seeds import COLUMNS, ROWS, Seed, seeds

_CODED = [seed for seed in seeds() if "JPEG" in seed.name or "HTJ2K" in seed.name]


def _file(seed: Seed, rows: int = ROWS, columns: int = COLUMNS) -> BytesIO:
    draft = Draft.of(seed, {})
    draft.put(0x00280010, b"US", rows.to_bytes(2, "little"))
    draft.put(0x00280011, b"US", columns.to_bytes(2, "little"))
    return BytesIO(file_head(seed.sop_class_uid, seed.transfer_syntax_uid) + draft.encoded())


@pytest.mark.parametrize("seed", _CODED, ids=lambda seed: seed.name)
def test_a_codestream_of_the_headers_size_is_decoded(seed: Seed) -> None:
    fragments = Draft.of(seed, {}).fragments
    assert fragments is not None
    assert matrix_in(fragments.pieces[1]) == (ROWS, COLUMNS)
    assert read_dicom(_file(seed))[0].pixels.shape == (ROWS, COLUMNS)


@pytest.mark.parametrize("seed", _CODED, ids=lambda seed: seed.name)
@pytest.mark.parametrize("size", [(COLUMNS, ROWS), (ROWS // 2, COLUMNS * 2), (ROWS, COLUMNS + 1)])
def test_another_size_is_refused_though_the_number_of_pixels_agrees(
    seed: Seed, size: tuple[int, int]
) -> None:
    with pytest.raises(NotAssessable, match=f"of {ROWS} rows and {COLUMNS} columns"):
        read_dicom(_file(seed, *size))
    with pytest.raises(NotAssessable, match=f"of {ROWS} rows and {COLUMNS} columns"):
        read_stored_frame(_file(seed, *size))


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"\xff\xd8\xff\xc0",
        b"\xff\xd8\xff\xc0\0\x02",
        b"\xff\xd8\xff\xe0\0\0\xff\xe0\0\0",
        b"\xff\xd8" + b"\xff" * 5000,
        b"\xff\xd8\xff\xc0\0\x0b\x08\0\0\0\x20",  # the number of lines comes later
        b"\xff\xd8\xff\xda\0\x02\xff\xc0\0\x0b\x08\0\x10\0\x20",  # a scan without a frame
        b"\xff\x4f\xff\x51\0\x29",
        bytes(100_000),
    ],
)
def test_what_does_not_say_is_left_to_the_codec(stream: bytes) -> None:
    assert matrix_in(stream) is None


def test_each_frame_that_is_decoded_is_asked() -> None:
    [seed] = [seed for seed in seeds() if seed.name == "frames with extended offsets"]
    draft = Draft.of(seed, {})
    assert draft.fragments is not None
    sound = draft.fragments.pieces[2]
    at = sound.index(b"\xff\xc0") + 5
    draft.fragments.pieces[2] = sound[:at] + b"\xff\xff\xff\xff" + sound[at + 4 :]
    file = file_head(seed.sop_class_uid, seed.transfer_syntax_uid) + draft.encoded()
    assert dcmread(BytesIO(file)).NumberOfFrames == 2
    with pytest.raises(NotAssessable, match="of 65535 rows"):
        read_dicom(BytesIO(file))
    assert read_stored_frame(BytesIO(file), 1).pixels.shape == (ROWS, COLUMNS)
