"""How often text in the pixels is found, and how often it is seen where there is none.

    python -m benchmarks.burned_in_text [--images N] [--data FOLDER] [--tesseract]

Words are written into phantoms in several heights, strengths and places. FOLDER holds JPEG
pictures of real radiographs: what is found there is a false alarm, or text.
"""

import itertools
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from cli.output import print_table
from dicom_node.results.page_fonts import word_faces
from model.burned_in_text import find_text
from phantom.radiograph import PhantomSpec, make_phantom

Pixels = NDArray[np.generic]
_WORDS = ("MUELLER^ANNA", "1957-03-14", "Li 4711 Meier", "KRANKENHAUS NORD", "PAT 00123456")
_HEIGHTS = (10, 14, 20, 32, 48)  # points of the font, about pixels of a line
_STRENGTHS = (1.0, 0.6, 0.3)  # of the range, above what lies under it
_CORNERS = ((0.02, 0.02), (0.6, 0.02), (0.02, 0.9), (0.3, 0.5))
_MARKERS = ("R", "L", "RT")


@dataclass(frozen=True)
class Writing:
    """What is written, how high (pixels), how strong (share of the range), and where (shares)."""

    words: str
    height: int
    strength: float
    place: tuple[float, float]


def main(
    images: Annotated[int, typer.Option(help="Phantoms.")] = 4,
    data: Annotated[Path | None, typer.Option(help="Real radiographs as JPEG files.")] = None,
    pictures: Annotated[int, typer.Option(help="How many of those.")] = 200,
    tesseract: Annotated[bool, typer.Option(help="Ask tesseract as well.")] = False,
) -> None:
    ways: dict[str, Callable[[Pixels], bool]] = {"strokes": lambda one: bool(find_text(one))}
    if tesseract and shutil.which("tesseract"):
        ways["tesseract"] = _read_by_tesseract
    plain = list(_phantoms(images))
    print_table(("way", "height", *map(str, _STRENGTHS)), list(_found(ways, plain)))
    sets = {"phantoms": plain, "with a marker": [_marked(one) for one in plain]}
    if data is not None:
        sets["real"] = _real(data, pictures)
    print_table(("way", "images", "alarms", "seconds_each"), list(_alarms(ways, sets)))


def write(pixels: Pixels, writing: Writing) -> Pixels:
    """A copy with the words in it, as a machine writes them: of one value."""
    values = pixels.astype(np.float32)
    face = word_faces()
    assert face is not None, "no font is installed"
    font = ImageFont.truetype(str(face[0].path), writing.height)
    canvas = Image.new("L", (pixels.shape[1], pixels.shape[0]))
    corner = (round(writing.place[0] * canvas.width), round(writing.place[1] * canvas.height))
    ImageDraw.Draw(canvas).text(corner, writing.words, fill=255, font=font)
    drawn = np.asarray(canvas, np.float32) / 255
    ground = float(np.median(values[drawn > 0])) if (drawn > 0).any() else 0.0
    room = float(values.max()) - ground
    ink = ground + writing.strength * max(room, 0.5 * float(np.ptp(values)))
    return (values * (1 - drawn) + ink * drawn).astype(pixels.dtype)


def _phantoms(count: int) -> Iterator[Pixels]:
    for seed in range(count):
        yield make_phantom(PhantomSpec(seed=seed)).pixels


def _found(
    ways: dict[str, Callable[[Pixels], bool]], plain: list[Pixels]
) -> Iterator[dict[str, object]]:
    for (name, way), height in itertools.product(ways.items(), _HEIGHTS):
        row: dict[str, object] = {"way": name, "height": height}
        for strength in _STRENGTHS:
            writings = [
                Writing(words, height, strength, place)
                for words, place in zip(itertools.cycle(_WORDS), _CORNERS * 5, strict=False)
            ]
            shown = list(zip(itertools.cycle(plain), writings, strict=False))
            hits = sum(way(write(pixels, writing)) for pixels, writing in shown)
            row[str(strength)] = f"{hits}/{len(shown)}"
        yield row


def _alarms(
    ways: dict[str, Callable[[Pixels], bool]], sets: dict[str, list[Pixels]]
) -> Iterator[dict[str, object]]:
    for (name, way), (of, pixels) in itertools.product(ways.items(), sets.items()):
        began = time.process_time()
        alarms = sum(map(way, pixels))
        each = (time.process_time() - began) / max(1, len(pixels))
        yield {
            "way": name,
            "images": f"{len(pixels)} {of}",
            "alarms": alarms,
            "seconds_each": f"{each:.2f}",
        }


def _real(folder: Path, count: int) -> list[Pixels]:
    """Spread over the folder."""
    files = sorted(folder.glob("*.jpg"))
    chosen = files[:: max(1, len(files) // count)][:count]
    return [np.asarray(Image.open(one).convert("L")) for one in chosen]


def _marked(pixels: Pixels) -> Pixels:
    """With a letter of lead beside the limb: bright, with the noise of the image on it."""
    marked = write(pixels, Writing(_MARKERS[int(pixels.sum()) % 3], 60, 0.7, (0.05, 0.4)))
    noise = np.random.default_rng(0).normal(0, 0.02 * float(np.ptp(pixels)), pixels.shape)
    return np.clip(marked + noise * (marked != pixels), 0, None).astype(pixels.dtype)


def _read_by_tesseract(pixels: Pixels) -> bool:
    low, high = float(pixels.min()), float(pixels.max())
    shown = ((pixels.astype(np.float32) - low) * 255 / max(high - low, 1)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(shown).save(file, "PNG")
    asked = ["tesseract", "stdin", "stdout", "--psm", "11", "tsv"]
    said = subprocess.run(asked, input=file.getvalue(), capture_output=True, check=True).stdout
    words = [line.split("\t") for line in said.decode().splitlines()[1:]]
    sure = [one[11] for one in words if len(one) > 11 and float(one[10]) >= 60]
    return any(sum(letter.isalnum() for letter in word) >= 4 for word in sure)


if __name__ == "__main__":
    typer.run(main)
