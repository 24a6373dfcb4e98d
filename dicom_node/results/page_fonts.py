"""The fonts of this machine that can draw a text, and the part of each that a page needs."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import uharfbuzz as hb

# Where fonts lie under Linux, macOS and Windows.
FONT_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
# Families with a bold face for the page's own words, the best first; file names in lower case.
_WORD_FILES = (
    ("notosans-regular.ttf", "notosans-bold.ttf"),
    ("dejavusans.ttf", "dejavusans-bold.ttf"),
    ("liberationsans-regular.ttf", "liberationsans-bold.ttf"),
    ("arial.ttf", "arialbd.ttf"),
    ("arial.ttf", "arial bold.ttf"),
)
# Noto Naskh before Noto Sans Arabic: it writes lam-alef as two glyphs, and a ligature of two
# letters is taken out of a PDF in the wrong order by the usual programs.
_OTHER_FILES = ("notonaskharabic-regular.ttf", "dejavusans.ttf")
_LAST_FILES = ("droidsansfallbackfull.ttf", "droidsansfallback.ttf", "arial unicode.ttf")
_FURTHER_FAMILIES = ("notosans", "notoserif")
# One ideograph is written differently in Japan, Korea and China: a collection has a face for each.
_IDEOGRAPH_FILE = "notosanscjk-regular.ttc"
_IDEOGRAPH_FACES = {"ja": 0, "ko": 1, "zh-Hans": 2, "zh-Hant": 3}
_CHARACTER_SET_LANGUAGES = {
    "ISO 2022 IR 13": "ja",
    "ISO_IR 13": "ja",
    "ISO 2022 IR 87": "ja",
    "ISO 2022 IR 159": "ja",
    "ISO 2022 IR 149": "ko",
    "ISO 2022 IR 58": "zh-Hans",
    "GB18030": "zh-Hans",
    "GBK": "zh-Hans",
}
# Which country's repertoire holds every ideograph of a text, asked in this order.
_REPERTOIRES = (("ja", "euc_jp"), ("zh-Hans", "gb2312"), ("zh-Hant", "big5"))


@dataclass(frozen=True)
class FontFace:
    """One face of a font file, which may be a collection of several."""

    path: Path
    index: int = 0


@lru_cache(maxsize=1)
def installed_fonts() -> dict[str, Path]:
    """Every font file of the usual folders by its name in lower case; read once a process."""
    found: dict[str, Path] = {}
    for folder in FONT_FOLDERS:
        for root, folders, files in os.walk(Path(folder).expanduser()):
            folders.sort()
            for name in sorted(files):
                path = Path(root, name)
                if name.lower().endswith((".ttf", ".ttc")) and os.access(path, os.R_OK):
                    found.setdefault(name.lower(), path)
    return found


def word_faces() -> tuple[FontFace, FontFace] | None:
    """Regular and bold of one family for the page's own words; None where there is none."""
    fonts = installed_fonts()
    for regular, bold in _WORD_FILES:
        if regular in fonts and bold in fonts:
            return FontFace(fonts[regular]), FontFace(fonts[bold])
    return None


def language_of(character_sets: list[str], text: str) -> str:
    """Whose ideographs to draw: as the character set says, else as the writing itself does."""
    stated = [_CHARACTER_SET_LANGUAGES.get(term) for term in character_sets]
    known = next((language for language in stated if language), None)
    return known or _language_of_writing(text)


def faces_for(text: str, language: str) -> tuple[FontFace, ...]:
    """The one face that has every character, else as few as have most of them, the best first."""
    wanted = {ord(character) for character in text}
    chosen: list[FontFace] = []
    for face in _candidates(language):
        if wanted <= characters_of(face):
            return (face,)
    for face in _candidates(language):
        if wanted & characters_of(face):
            chosen.append(face)
            wanted -= characters_of(face)
    return tuple(chosen)


@lru_cache(maxsize=64)
def characters_of(face: FontFace) -> frozenset[int]:
    return frozenset(_loaded(face).unicodes)


def subset(face: FontFace, characters: set[int]) -> bytes:
    """The font with the glyphs of these characters alone, and what joins and places them."""
    wanted = hb.SubsetInput()
    wanted.unicode_set.update(characters & characters_of(face))
    wanted.flags = (
        hb.SubsetFlags.NOTDEF_OUTLINE | hb.SubsetFlags.GLYPH_NAMES | hb.SubsetFlags.NO_HINTING
    )
    return bytes(hb.subset(_loaded(face), wanted).blob.data)


def _language_of_writing(text: str) -> str:
    kinds = {unicodedata.name(character, "").split(" ")[0] for character in text}
    if kinds & {"HIRAGANA", "KATAKANA"}:
        return "ja"
    if "HANGUL" in kinds:
        return "ko"
    ideographs = "".join(
        character for character in text if unicodedata.name(character, "").startswith("CJK")
    )
    return next((one for one, codec in _REPERTOIRES if _encodes(ideographs, codec)), "zh-Hans")


def _encodes(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _candidates(language: str) -> Iterator[FontFace]:
    """Every face that may be asked for a text, the best first."""
    fonts = installed_fonts()
    words = word_faces()
    if words is not None:
        yield words[0]
    for name in _OTHER_FILES:
        if name in fonts:
            yield FontFace(fonts[name])
    if _IDEOGRAPH_FILE in fonts:
        yield FontFace(fonts[_IDEOGRAPH_FILE], _IDEOGRAPH_FACES[language])
    for name in (*_LAST_FILES, *_further_files()):
        if name in fonts:
            yield FontFace(fonts[name])


def _further_files() -> list[str]:
    """The scripts that have a file of their own, in a fixed order."""
    return [
        name
        for family in _FURTHER_FAMILIES
        for name in sorted(installed_fonts())
        if name.startswith(family) and name.endswith("-regular.ttf")
    ]


@lru_cache(maxsize=64)
def _loaded(face: FontFace) -> hb.Face:
    """The font's file mapped into memory, not read."""
    return hb.Face(hb.Blob.from_file_path(str(face.path)), face.index)
