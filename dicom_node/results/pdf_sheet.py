"""One sheet of a PDF to write and draw on, in millimetres, the same bytes for the same strokes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from fpdf import FPDF
from PIL import Image

from dicom_node.results.equipment import PRODUCT
from dicom_node.results.finding import FindingState
from dicom_node.results.overlay_text import Colour
from dicom_node.results.page_fonts import FontFace, subset, word_faces
from dicom_node.results.page_text import LATIN_1, PageText
from dicom_node.results.text_wrapping import wrapped
from dicom_node.results.thumbnails import Area

_MM_PER_POINT = 25.4 / 72
_LINE_PITCH = 1.32
_VIEWERS_OWN = "helvetica"
_WORDS = "words"
_JPEG_QUALITY = 88
# Margins and colours of the page
LEFT, TOP, WIDTH = 14.0, 12.0, 182.0
INK: Colour = (28, 32, 38)
GREY: Colour = (96, 104, 114)
STATE_COLOURS: dict[FindingState, Colour] = {
    FindingState.FRACTURE: (188, 38, 22),
    FindingState.POSSIBLE: (176, 106, 0),
    FindingState.NONE: (62, 74, 86),
    FindingState.NOT_ASSESSABLE: (58, 94, 140),
}


@dataclass(frozen=True)
class Style:
    size_points: float
    colour: Colour = INK
    bold: bool = False

    @property
    def pitch(self) -> float:
        """From one line to the next, in mm."""
        return self.size_points * _MM_PER_POINT * _LINE_PITCH


@dataclass(frozen=True)
class Block:
    """Text from the top left of a place, in lines of its width."""

    text: str | PageText
    place: Area
    style: Style
    most_lines: int = 1


class Sheet:
    """An A4 page; `folder` holds the parts of the fonts while it is drawn."""

    def __init__(self, texts: Iterable[PageText], folder: Path, created_at: datetime) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_creation_date(created_at)
        self._pdf.set_producer(PRODUCT)
        self._pdf.set_lang("en")
        self._pdf.set_auto_page_break(False)
        self._pdf.c_margin = 0
        self._pdf.add_page()
        self._families: dict[FontFace, str] = {}
        self._broken: dict[Block, list[str]] = {}
        self._add_fonts(texts, folder)

    def _add_fonts(self, texts: Iterable[PageText], folder: Path) -> None:
        words = word_faces() or ()
        needed: dict[FontFace, set[int]] = {face: set(LATIN_1) for face in words}
        for text in texts:
            for face in text.faces:
                needed.setdefault(face, set()).update(map(ord, text.text))
        for number, (face, characters) in enumerate(needed.items()):
            family, style = (_WORDS, "B" * words.index(face)) if face in words else _other(number)
            self._families[face] = family
            self._add_font(family, style, subset(face, characters), folder)
        self._pdf.set_fallback_fonts(list(self._families.values()), exact_match=False)

    def _add_font(self, family: str, style: str, font: bytes, folder: Path) -> None:
        path = folder / f"{family}{style}.ttf"
        path.write_bytes(font)
        self._pdf.add_font(family, style, path)

    def write(self, block: Block) -> float:
        """Write the block's lines; where they end, in mm."""
        top = block.place.top
        for line in self._lines(block):
            self._pdf.set_xy(block.place.left, top)
            self._pdf.cell(block.place.width, block.style.pitch, line)
            top += block.style.pitch
        return top

    def end_of(self, block: Block) -> float:
        """Where the block would end."""
        return block.place.top + len(self._lines(block)) * block.style.pitch

    def height_of(self, text: str, width: float, style: Style, most_lines: int) -> float:
        return self.end_of(Block(text, Area(0, 0, width, 0), style, most_lines))

    def width_of(self, text: str, style: Style) -> float:
        self._use(text, style)
        return float(self._pdf.get_string_width(_latin(text)))

    def fill(self, place: Area, colour: Colour, corner: float = 0.0) -> None:
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(
            place.left,
            place.top,
            place.width,
            place.height,
            style="F",
            round_corners=corner > 0,
            corner_radius=corner,
        )

    def line(
        self, start: tuple[float, float], end: tuple[float, float], colour: Colour, width: float
    ) -> None:
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(width)
        self._pdf.line(*start, *end)

    def frame(self, place: Area, colour: Colour, width: float, *, dashed: bool) -> None:
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(width)
        if dashed:
            self._pdf.set_dash_pattern(dash=1.2, gap=0.8)
        self._pdf.rect(place.left, place.top, place.width, place.height, style="D")
        self._pdf.set_dash_pattern()

    def picture(self, picture: Image.Image, place: Area) -> None:
        """As JPEG, colours in full resolution lest a thin red line turn grey."""
        encoded = BytesIO()
        picture.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        self._pdf.image(encoded, place.left, place.top, place.width, place.height)

    def encoded(self, title: str) -> bytes:
        self._pdf.set_title(title)
        return bytes(self._pdf.output())

    def _use(self, text: str | PageText, style: Style) -> None:
        self._pdf.set_text_color(*style.colour)
        faces = (word_faces() or ())[:1] if isinstance(text, str) else text.faces
        family = self._families[faces[0]] if faces else _VIEWERS_OWN
        bold = style.bold and family in {_WORDS, _VIEWERS_OWN}
        self._pdf.set_font(family, "B" if bold else "", style.size_points)
        # Western letters stand side by side as they are, and shaping takes most of the time.
        # Without ligatures of choice a letter stays a letter to whoever searches the text.
        shaped = isinstance(text, PageText) and not LATIN_1.issuperset(map(ord, text.text))
        self._pdf.set_text_shaping(shaped, features={"liga": False})

    def _lines(self, block: Block) -> list[str]:
        """Most blocks are measured before they are written, and shaping takes its time."""
        self._use(block.text, block.style)
        if block not in self._broken:
            self._broken[block] = self._break(block)
        return self._broken[block]

    def _break(self, block: Block) -> list[str]:
        words = _latin(block.text) if isinstance(block.text, str) else block.text.text
        return wrapped(
            words,
            lambda part: self._pdf.get_string_width(part) <= block.place.width,
            block.most_lines,
        )


def _latin(text: str) -> str:
    """Our own words are plain; a reason that quotes a file may not be."""
    return "".join(letter if ord(letter) in LATIN_1 else "?" for letter in text)


def _other(number: int) -> tuple[str, str]:
    return f"text{number}", ""
