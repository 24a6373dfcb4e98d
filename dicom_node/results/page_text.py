"""A text as a page can draw it: with its fonts, or spelled where this machine has none."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from dicom_node.results.page_fonts import FontFace, characters_of, faces_for, word_faces

# What every PDF viewer can draw without a font of ours (PDF 32000-1, 9.6.2.2, WinAnsiEncoding).
LATIN_1 = frozenset((*range(0x20, 0x7F), *range(0xA0, 0x100)))
# Zero width joiner and non-joiner belong to the spelling of a word; all other invisible characters
# could only make a text look like another.
_JOINERS = "\u200c\u200d"


@dataclass(frozen=True)
class PageText:
    """What is drawn, by which faces (none: the viewer's own), and which scripts have no font."""

    text: str
    faces: tuple[FontFace, ...] = ()
    missing_scripts: frozenset[str] = frozenset()


def drawable(text: str, language: str) -> PageText:
    """The text with each character that no font has spelled as its number in Unicode."""
    plain = _plain(text)
    faces = faces_for(plain, language)
    known = _known(faces)
    missing = {character for character in plain if ord(character) not in known}
    if not missing:
        return PageText(plain, faces)
    if word_faces() is None:
        known, missing = LATIN_1, {letter for letter in plain if ord(letter) not in LATIN_1}
    spelled = "".join(letter if ord(letter) in known else _number(letter) for letter in plain)
    drawn_by = () if known is LATIN_1 else faces_for(spelled, language)
    return PageText(spelled, drawn_by, frozenset(_script(letter) for letter in missing))


def missing_scripts(texts: Iterable[PageText]) -> list[str]:
    return sorted({script for text in texts for script in text.missing_scripts})


def _known(faces: tuple[FontFace, ...]) -> frozenset[int]:
    return LATIN_1 if not faces else frozenset().union(*(characters_of(face) for face in faces))


def _plain(text: str) -> str:
    """On one line, without control characters and marks that turn the direction of writing."""
    shown = (
        letter
        for letter in " ".join(text.split())
        if letter in _JOINERS or unicodedata.category(letter) not in {"Cc", "Cf"}
    )
    return "".join(shown).strip()


def _number(letter: str) -> str:
    return f"[U+{ord(letter):04X}]"


def _script(letter: str) -> str:
    """The first word of the character's name: CJK, HANGUL, ARABIC."""
    return unicodedata.name(letter, "UNNAMED").split(" ")[0]
