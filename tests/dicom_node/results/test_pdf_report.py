"""The PDF says on one page whose study it is and what was found, in every patient's own letters."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
import structlog
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage

from dicom_node.results import page_fonts
from dicom_node.results.finding import ImageFinding, aggregate_study
from dicom_node.results.pdf_report import build_pdf_report
from dicom_node.results.reading_order import EvidenceMismatch
from dicom_node.results.result_object import ResultKind, ResultObject
from tests.dicom_node.results.object_checks import conformance_errors, reread
from tests.dicom_node.results.page_sources import (
    blue_pictures,
    large_study,
    mixed_study,
    named_cr,
    require_fonts,
)
from tests.dicom_node.results.report_sources import (
    ALGORITHM,
    ISSUE,
    OLDER,
    SOURCES,
    fracture_in,
    full_dx,
    minimal_cr,
    not_assessable,
    nothing_in,
    received,
)

NAMES: dict[str, tuple[str | list[str], str, list[str]]] = {
    "Japanese": (
        ["", "ISO 2022 IR 87"],
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ["Yamada, Tarou", "山田 太郎", "やまだ たろう"],
    ),
    "Korean": (
        ["", "ISO 2022 IR 149"],
        "Hong^Gildong=洪^吉洞=홍^길동",
        ["Hong, Gildong", "洪 吉洞", "홍 길동"],
    ),
    "Chinese": ("GB18030", "Wang^XiaoDong=王^小东", ["Wang, XiaoDong", "王 小东"]),
    "Greek": ("ISO_IR 126", "Διονυσιος", ["Διονυσιος"]),
    "German": ("ISO_IR 100", "Äneas^Rüdiger^Weiß", ["Äneas, Rüdiger Weiß"]),
    "Arabic": ("ISO_IR 127", "قباني^لنزار", ["قباني لنزار"]),
    "Arabic with ligatures": ("ISO_IR 192", "سلامة^عبد الله", ["سلامة عبد الله"]),
    "Hebrew": ("ISO_IR 138", "שרון^דבורה", ["שרון דבורה"]),
    "mixed": ("ISO_IR 192", "Müller 山田^Ω", ["Müller 山田, Ω"]),
}

pytestmark = pytest.mark.filterwarnings("ignore:The PN component length:UserWarning")


def _report(
    sources: Sequence[Dataset],
    findings: Sequence[ImageFinding],
    pictures: dict[str, np.ndarray] | None = None,
) -> ResultObject:
    return build_pdf_report(sources, aggregate_study(findings, ALGORITHM), pictures or {}, ISSUE)


def _document(made: ResultObject) -> pypdfium2.PdfDocument:
    dataset = reread(made)
    return pypdfium2.PdfDocument(dataset.EncapsulatedDocument[: dataset.EncapsulatedDocumentLength])


def _lines(made: ResultObject) -> list[str]:
    (page,) = _document(made)
    return page.get_textpage().get_text_range().splitlines()


def _text(made: ResultObject) -> str:
    return " ".join(_lines(made))


def _name_lines(made: ResultObject) -> list[str]:
    lines = _lines(made)
    return lines[lines.index("Patient") + 1 : lines.index("Patient ID")]


def _named(name: str, character_set: str | list[str] = "ISO_IR 192") -> ResultObject:
    source = named_cr(name, character_set)
    return _report([source], [nothing_in(source)])


@pytest.fixture
def ideographs() -> Path:
    require_fonts("fonts-noto-cjk")
    return page_fonts.installed_fonts()["notosanscjk-regular.ttc"]


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A machine without fonts, and the folder where it looks for them."""
    monkeypatch.setattr(page_fonts, "FONT_FOLDERS", (str(tmp_path),))
    page_fonts.installed_fonts.cache_clear()
    yield tmp_path
    page_fonts.installed_fonts.cache_clear()


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_makes_a_conformant_document(kind: str, tmp_path: Path) -> None:
    source = received(SOURCES[kind]())
    made = _report([source], [fracture_in(source)], blue_pictures([source]))
    assert made.kind is ResultKind.PDF
    assert conformance_errors(made, tmp_path) == []


def test_document_says_what_it_is() -> None:
    sources, findings = mixed_study()
    report = reread(_report(sources, findings))
    assert report.SOPClassUID == EncapsulatedPDFStorage
    assert (report.Modality, report.SeriesNumber, report.InstanceNumber) == ("DOC", 9104, 1)
    assert report.MIMETypeOfEncapsulatedDocument == "application/pdf"
    assert (report.BurnedInAnnotation, report.VerificationFlag) == ("YES", "UNVERIFIED")
    assert (report.ConversionType, "unverified" in report.DocumentTitle) == ("WSD", True)
    references = [item.ReferencedSOPInstanceUID for item in report.SourceInstanceSequence]
    assert references == [source.SOPInstanceUID for source in sources]


def test_document_is_padded_to_an_even_length_and_its_own_is_told() -> None:
    rests = set()
    for length in range(1, 8):
        report = reread(_named("A" * length))
        own_length = report.EncapsulatedDocumentLength
        assert len(report.EncapsulatedDocument) == own_length + own_length % 2
        assert report.EncapsulatedDocument[:own_length].rstrip().endswith(b"%%EOF")
        rests.add(own_length % 2)
    assert rests == {0, 1}


def test_page_says_whose_study_it_is() -> None:
    source = received(full_dx())
    text = _text(_report([source], [nothing_in(source)]))
    for told in (
        "Müller, Jürgen",
        "PID-0001",
        "1970-01-02",
        "ACC-123",
        "2026-03-04 16:00",
        "Handgelenk links",
    ):
        assert told in text


def test_page_says_what_was_found() -> None:
    sources, findings = mixed_study()
    text = _text(_report(sources, findings, blue_pictures(sources[:3])))
    for told in (
        "Probability of fracture 93.7 %",
        "3 of 4 images analysed",
        "Image 1 (series 1, instance 1) Fracture, 93.7 % Wrist, left Oblique 71.0 %, moderate",
        "Possible fracture, 41.2 % Upper limb The image is soft: it shows few sharp edges",
        "No fracture found, 3.1 %",
        "Not assessable Body part is not covered by the classifier",
        "Solid box: fracture, the image is at or above 62.0 % (specific operating point)",
        "possible fracture, the image is at or above 21.0 % (sensitive operating point)",
        "The percentage at a box is that of its place alone.",
        "model osteon-fracture 0.1.0",
        "AI RESULT - NOT VERIFIED",
        "Research use - not for clinical diagnosis",
        "1 image without annotation",
    ):
        assert told in text


def test_nothing_analysed_is_said_with_the_reason() -> None:
    source = received(minimal_cr())
    text = _text(_report([source], [not_assessable(source, "the image is mostly noise")]))
    assert "0 of 1 image analysed" in text
    assert "The image is mostly noise" in text
    assert "Probability of fracture" not in text


def test_reason_is_told_to_its_end_where_there_is_room() -> None:
    sources, findings = mixed_study()
    reason = f"pixel data cannot be decoded: {'no decoder reads it ' * 12}at all"
    findings[3] = replace(findings[3], reason=reason)
    text = _text(_report(sources, findings, blue_pictures(sources[:3])))
    assert "at all" in text.split("Pixel data cannot be decoded")[1]
    sources, findings = large_study()
    findings[4::5] = [replace(one, reason=reason) for one in findings[4::5]]
    assert "Image 29 (series 1, instance 29) Fracture" in _text(_report(sources, findings))


@pytest.mark.parametrize("script", NAMES)
def test_name_is_drawn_in_its_own_script(script: str) -> None:
    require_fonts("fonts-noto-core", "fonts-noto-cjk")
    character_set, name, shown = NAMES[script]
    assert _name_lines(_named(name, character_set)) == shown


def test_arabic_is_written_from_right_to_left() -> None:
    require_fonts("fonts-noto-core")
    (page,) = _document(_named("قباني^لنزار"))
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    first, last = (text_page.get_charbox(text.index(word)) for word in ("قباني", "لنزار"))
    assert first[0] > last[0]


def test_arabic_letters_are_joined() -> None:
    """Joined letters are narrower than the same letters each on its own."""
    require_fonts("fonts-noto-core")
    widths = []
    for name in ("قباني", "ق ب ا ن ي"):
        (page,) = _document(_named(name))
        text_page = page.get_textpage()
        start = text_page.get_text_range().index("ق")
        boxes = [text_page.get_charbox(start + place) for place in range(len(name))]
        widths.append(sum(right - left for left, _, right, _ in boxes[:: len(name) // 5]))
    assert widths[0] < 0.8 * widths[1]


def test_ideographs_are_those_of_the_country() -> None:
    """One character is written in three ways: each has its face in the collection."""
    require_fonts("fonts-noto-cjk")
    sets = (["", "ISO 2022 IR 87"], ["", "ISO 2022 IR 149"], "GB18030")
    used = [_font_names(_named("A=骨^角", character_set)) for character_set in sets]
    assert len(set(used)) == 3


def _font_names(made: ResultObject) -> frozenset[str]:
    (page,) = _document(made)
    texts = (item for item in page.get_objects() if isinstance(item, pypdfium2.PdfTextObj))
    return frozenset(text.get_font().get_base_name() for text in texts)


def test_only_the_glyphs_used_are_embedded() -> None:
    require_fonts("fonts-noto-cjk")
    assert len(_named("Yamada^Tarou=山田^太郎").encoded) < 60_000


def test_without_a_font_the_romanised_name_stands_and_the_page_says_so(no_fonts: Path) -> None:
    with structlog.testing.capture_logs() as logs:
        made = _named("Yamada^Tarou=山田^太郎")
    assert _name_lines(made) == ["Yamada, Tarou"]
    assert "no font for some characters of the name or study (CJK)" in _text(made)
    assert [entry["scripts"] for entry in logs] == [["CJK"]]
    assert "Yamada" not in str(logs)
    assert "山" not in str(logs)


def test_without_a_font_a_name_in_no_other_script_is_spelled_in_numbers(no_fonts: Path) -> None:
    assert _name_lines(_named("山田^太郎")) == ["[U+5C71][U+7530] [U+592A][U+90CE]"]


def test_without_any_font_western_names_are_right(no_fonts: Path) -> None:
    made = _named("Äneas^Rüdiger^Weiß", "ISO_IR 100")
    assert _name_lines(made) == ["Äneas, Rüdiger Weiß"]
    assert "no font" not in _text(made)


def test_a_font_of_one_script_alone_does_not_break_the_other(
    ideographs: Path, no_fonts: Path
) -> None:
    (no_fonts / ideographs.name).symlink_to(ideographs)
    assert _name_lines(_named("Yamada^Tarou=山田^太郎")) == ["Yamada, Tarou", "山田 太郎"]


def test_marks_that_turn_the_writing_are_left_out() -> None:
    assert _name_lines(_named("A\u202eB\u200b^C")) == ["AB, C"]


def test_same_input_has_the_same_bytes() -> None:
    sources, findings = mixed_study()
    pictures = blue_pictures(sources)
    once = _report(sources, findings, pictures)
    assert once == _report(sources[::-1], findings, pictures)


def test_document_is_dated_as_the_report_is() -> None:
    source = received(minimal_cr())
    issue = replace(ISSUE, created_at=datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC))
    made = build_pdf_report([source], aggregate_study([nothing_in(source)], ALGORITHM), {}, issue)
    assert _document(made).get_metadata_dict()["CreationDate"].startswith("D:20200203040506")


def test_images_without_room_are_counted() -> None:
    sources, findings = large_study()
    made = _report(sources, findings, blue_pictures(sources))
    text = _text(made)
    assert len(_document(made)) == 1
    assert "6 of 30 annotated images are shown" in text
    assert "24 are not shown" in text
    assert "Image 29 (series 1, instance 29) Fracture, 93.7 %" in text
    rows = sum(f"Image {number} (series 1, instance {number}) " in text for number in range(1, 31))
    assert f"{30 - rows} more images not listed" in text


@pytest.mark.parametrize("name", ["W" * 64, "Maximilian " * 40, "山" * 64, "ق" * 200])
def test_nothing_leaves_the_page(name: str) -> None:
    source = named_cr(name)
    source.PatientID = "9" * 64
    source.StudyDescription = "W" * 64
    finding = not_assessable(source, "a reason that does not end " * 30)
    (page,) = _document(_report([source], [finding]))
    text_page = page.get_textpage()
    width, height = page.get_size()
    for index in range(text_page.count_chars()):
        left, bottom, right, top = text_page.get_charbox(index)
        assert left >= 0
        assert right <= width
        assert bottom >= 0
        assert top <= height


def test_headers_of_another_study_are_refused() -> None:
    sources, findings = mixed_study()
    with pytest.raises(EvidenceMismatch):
        _report(sources[:3], findings)


def test_images_of_different_models_are_told_apart() -> None:
    sources, findings = mixed_study()
    findings[0] = replace(findings[0], algorithm=OLDER)
    said = "different models: 1 by osteon-fracture 0.0.9, 2 by osteon-fracture 0.1.0"
    assert said in _text(_report(sources, findings))
