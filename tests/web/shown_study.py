"""A study in a ledger and a spool, for its images to be seen."""

import base64
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page
from pydicom import Dataset, dcmwrite
from sqlalchemy import Engine

from db.analyses import AnalysisRecord
from db.states import AnalysisState
from dicom_node.spool import FileSpool
from tests.db.ledger import NO_FRACTURE, analyse, receive, received

Shown = NDArray[np.uint8]


def dicom_file(dataset: Dataset) -> bytes:
    written, file = deepcopy(dataset), BytesIO()
    for keyword in ("VOILUTSequence", "ModalityLUTSequence"):
        for item in written.get(keyword) or []:  # a table of more than one entry is OW
            item.add_new("LUTData", "OW", np.array(item.LUTData, "<u2").tobytes())
    dcmwrite(file, written, enforce_file_format=True)
    return file.getvalue()


def grey_png(grey: NDArray[np.uint8]) -> bytes:
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class Seen:
    """One image of the study: its file, what was found on it, and its heatmap if there is one."""

    file: bytes
    record: AnalysisRecord = NO_FRACTURE
    heatmap: bytes | None = None
    header: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Clinic:
    """A ledger with its spool."""

    engine: Engine
    data_dir: Path

    @property
    def spool(self) -> FileSpool:
        return FileSpool(self.data_dir / "spool")

    def take(self, study: str, *images: Seen) -> None:
        """Receive the images of a study, in this order, and save what was found on them."""
        kept = [self.spool.write(one.file) for one in images]
        receive(
            self.engine,
            *(
                received(
                    number,
                    study=study,
                    spool_key=one.key,
                    sha256=one.sha256,
                    instance_number=number,
                    **(image.header or {}),
                )
                for number, (one, image) in enumerate(zip(kept, images, strict=True), start=1)
            ),
        )
        analyse(self.engine, *(self._record(one) for one in images))

    def _record(self, image: Seen) -> AnalysisRecord:
        key = None if image.heatmap is None else self.spool.write(image.heatmap).key
        return replace(image.record, heatmap_key=key)


def record(state: str, *boxes: Sequence[float], **changes: Any) -> AnalysisRecord:
    """`boxes`: x0, y0, x1, y1 and score."""
    named = [dict(zip(("x0", "y0", "x1", "y1", "score"), box, strict=True)) for box in boxes]
    return replace(NO_FRACTURE, state=AnalysisState(state), boxes=named, **changes)


_ACTIVE = ".pane[data-active]"
# The image's place where it lies in the middle of the canvas, halves going up.
_READ = """(element, [rows, columns]) => {
  const left = Math.round((element.width - columns) / 2);
  const top = Math.round((element.height - rows) / 2);
  const { data } = element.getContext("2d").getImageData(left, top, columns, rows);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) {
    text += String.fromCharCode(...data.subarray(at, at + 32768));
  }
  return btoa(text);
}"""


def wait_for_picture(page: Page, number: int = 1) -> None:
    """Until the image of this number is the one meant, and is drawn."""
    title = page.locator(f'{_ACTIVE}[data-state="shown"] [data-title]')
    title.get_by_text(f"{number} ·").wait_for()
    settle(page)


def settle(page: Page) -> None:
    """Until what was asked for is drawn."""
    page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")


def middle_of_canvas(page: Page, rows: int, columns: int) -> Shown:
    """So much of the active pane's canvas, uint8 [rows, columns, 3], as it is drawn."""
    settle(page)
    data = page.locator(f"{_ACTIVE} canvas").evaluate(_READ, [rows, columns])
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(rows, columns, 4)[..., :3]


def picture_at_1_to_1(page: Page, rows: int, columns: int) -> Shown:
    """The image, one pixel of the canvas for each of its own."""
    page.keyboard.press("1")
    return middle_of_canvas(page, rows, columns)


def fact(page: Page, name: str) -> str:
    """What the active pane says of itself."""
    return page.locator(f"{_ACTIVE} [data-{name}]").inner_text().strip()
