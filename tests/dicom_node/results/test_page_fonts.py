"""A text finds the fonts that draw it, and takes of each no more than it needs."""

import io

import pytest
from fontTools.ttLib import TTFont

from dicom_node.results.page_fonts import (
    characters_of,
    faces_for,
    installed_fonts,
    language_of,
    subset,
    word_faces,
)
from dicom_node.results.page_text import drawable
from tests.dicom_node.results.page_sources import require_fonts


@pytest.mark.parametrize(
    ("character_sets", "text", "language"),
    [
        (["", "ISO 2022 IR 87"], "王", "ja"),
        (["", "ISO 2022 IR 149"], "洪", "ko"),
        (["GB18030"], "山田", "zh-Hans"),
        (["ISO_IR 192"], "山田やまだ", "ja"),
        (["ISO_IR 192"], "洪吉洞홍길동", "ko"),
        (["ISO_IR 192"], "王小东", "zh-Hans"),
        (["ISO_IR 192"], "關汉說们", "zh-Hans"),
        (["ISO_IR 192"], "說彥妘", "zh-Hant"),
        ([], "Müller", "ja"),
    ],
)
def test_ideographs_are_drawn_as_the_sender_writes_them(
    character_sets: list[str], text: str, language: str
) -> None:
    assert language_of(character_sets, text) == language


def test_one_face_draws_a_text_where_one_can() -> None:
    require_fonts("fonts-noto-core", "fonts-noto-cjk")
    (face,) = faces_for("Hand 左手", "ja")
    assert face.path.name == "NotoSansCJK-Regular.ttc"
    assert set(map(ord, "Hand 左手")) <= characters_of(face)


def test_several_faces_draw_what_no_one_can() -> None:
    require_fonts("fonts-noto-core", "fonts-noto-cjk")
    names = {face.path.name for face in faces_for("山 قباني", "ja")}
    assert names >= {"NotoSansCJK-Regular.ttc", "NotoNaskhArabic-Regular.ttf"}


def test_a_subset_has_the_wanted_characters_alone() -> None:
    require_fonts("fonts-noto-cjk")
    (face,) = faces_for("山田", "ja")
    font = TTFont(io.BytesIO(subset(face, set(map(ord, "山田")))))
    assert set(font.getBestCmap()) == set(map(ord, "山田"))
    assert subset(face, {0x5C71}) == subset(face, {0x5C71})


def test_words_have_a_regular_and_a_bold_face() -> None:
    require_fonts("fonts-noto-core")
    faces = word_faces()
    assert faces is not None
    assert [face.path.name for face in faces] == ["NotoSans-Regular.ttf", "NotoSans-Bold.ttf"]
    assert installed_fonts()["notosans-regular.ttf"] == faces[0].path


def test_a_character_without_any_font_is_given_as_its_number() -> None:
    text = drawable("A\U000f0000B", "ja")
    assert text.text == "A[U+F0000]B"
    assert text.missing_scripts == {"UNNAMED"}


@pytest.mark.parametrize("text", ["A\u202eB", "A\u200bB", "A\x07B", "\ufeffAB", " AB\n"])
def test_characters_that_are_not_seen_are_not_drawn(text: str) -> None:
    assert drawable(text, "ja").text == "AB"
