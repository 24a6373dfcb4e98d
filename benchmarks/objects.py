"""How long one core takes to build each result object, against what a node allows itself.

    python -m benchmarks.objects [--runs N]

The images are phantoms of 2048 × 2500 pixels; what is built of a study is built of one image and of
two. Every object takes its turn in each run, after one that counts for nothing. A limit holds for
the time of the processor, which other work hardly changes; the time of the clock is shown beside
it. Exits with 1 where a limit is exceeded. Quote only what a quiet machine says.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from cli.output import print_table
from dicom_node.phantom_study import Rendering, phantom_study
from dicom_node.results.finding import (
    AlgorithmIdentity,
    BoundingBox,
    FindingState,
    ImageFinding,
    StudyFinding,
    aggregate_study,
)
from dicom_node.results.heatmap_segmentation import build_segmentation
from dicom_node.results.key_objects import build_key_objects, build_rejection
from dicom_node.results.overlay import annotate
from dicom_node.results.pdf_report import build_pdf_report
from dicom_node.results.presentation_state import build_presentation_state
from dicom_node.results.result_object import Predecessor, ReportIssue, ResultObject
from dicom_node.results.secondary_capture import build_secondary_capture
from dicom_node.results.structured_report import build_reports
from dicom_node.results.summary_page import build_summary_page

LIMIT_MS, LIMIT_OF_PAGES_AND_PICTURES_MS = 60, 250
SUMMARY, PDF, SC = "summary", "PDF", "SC"
_LARGER = (PDF, SC, SUMMARY)  # the summary is a Secondary Capture too
_ROWS, _COLUMNS = 2500, 2048
_HEATMAP = (104, 85)  # what the classifier gives for such an image
_ALGORITHM = AlgorithmIdentity("osteon", "0.0.0", {"specific": 0.6, "sensitive": 0.2}, "0" * 64)
_ISSUE = ReportIssue(1, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

Built = ResultObject | Sequence[ResultObject] | None
Builder = Callable[[], Built]


@dataclass(frozen=True)
class Study:
    """What a report is made of; the headers are without pixels, as the spool gives them back."""

    headers: list[Dataset]
    finding: StudyFinding
    pictures: Mapping[str, NDArray[np.uint8]]
    heatmap: NDArray[np.float32]

    @property
    def images(self) -> int:
        return len(self.headers)

    @cached_property
    def first(self) -> "Study":
        """Its first image alone."""
        finding = aggregate_study(self.finding.images[:1], self.finding.algorithm)
        return Study(self.headers[:1], finding, self.pictures, self.heatmap)

    @property
    def objects_before(self) -> list[Predecessor]:
        """As many objects of an earlier revision as such a report has."""
        return [
            Predecessor(str(header.SOPClassUID), f"{header.SOPInstanceUID}.{number}", "1.2.3")
            for header in self.headers
            for number in range(1, 5)
        ]


def make_study(rows: int, columns: int) -> Study:
    """A fracture seen in two views."""
    headers = phantom_study(1, fractured=True, rendering=Rendering(rows, columns))
    heatmap = _heatmap()
    findings, pictures = [], {}
    for header in headers:
        finding = _finding(header)
        grey = (header.pixel_array >> 4).astype(np.uint8)
        pictures[finding.sop_instance_uid] = annotate(grey, finding, heatmap, "Osteon")
        del header.PixelData
        findings.append(finding)
    return Study(headers, aggregate_study(findings, _ALGORITHM), pictures, heatmap)


def _finding(header: Dataset) -> ImageFinding:
    right, bottom = header.Columns / 2, header.Rows / 2
    box = BoundingBox(0.8 * right, 0.8 * bottom, right, bottom, 0.88)
    return ImageFinding(
        str(header.SOPClassUID),
        str(header.SOPInstanceUID),
        FindingState.FRACTURE,
        0.93,
        "wrist",
        "L",
        (box,),
    )


def _heatmap() -> NDArray[np.float32]:
    down, across = (np.linspace(-1, 1, size) for size in _HEATMAP)
    return np.exp(-8 * np.add.outer(down**2, across**2)).astype(np.float32)


def builders(study: Study) -> dict[tuple[str, int], Builder]:
    """By the object's name and the number of images it is made of."""
    of_study = {
        (name, part.images): build
        for part in (study.first, study)
        for name, build in _builders_of_study(part).items()
    }
    return {**_builders_of_image(study), **of_study}


def _builders_of_image(study: Study) -> dict[tuple[str, int], Builder]:
    header, finding = study.headers[0], study.finding.images[0]
    picture = study.pictures[finding.sop_instance_uid]
    state = partial(build_presentation_state, header, finding, _ALGORITHM, _ISSUE)
    segmentation = partial(build_segmentation, header, study.heatmap, finding, _ALGORITHM, _ISSUE)
    capture = partial(build_secondary_capture, header, picture, finding, _ALGORITHM, _ISSUE)
    return {("GSPS", 1): state, ("SEG", 1): segmentation, (SC, 1): capture}


def _builders_of_study(study: Study) -> dict[str, Builder]:
    headers, finding, pictures = study.headers, study.finding, study.pictures
    withdrawn = (study.objects_before, "The model is withdrawn.")
    return {
        "SR and fallback": partial(build_reports, headers, finding, _ISSUE),
        "KOS": partial(build_key_objects, headers, finding, _ISSUE),
        "rejection": partial(build_rejection, headers[0], *withdrawn, _ALGORITHM, _ISSUE),
        PDF: partial(build_pdf_report, headers, finding, pictures, _ISSUE),
        SUMMARY: partial(build_summary_page, headers, finding, pictures, _ISSUE),
    }


@dataclass(frozen=True, slots=True)
class Row:
    """An object's medians, in milliseconds."""

    name: str
    images: int
    kilobytes: int
    wall_ms: float
    processor_ms: float
    limit_ms: int

    @property
    def is_within(self) -> bool:
        return self.processor_ms <= self.limit_ms


def measure(study: Study, runs: int) -> list[Row]:
    """Every object in turn, in each run."""
    chosen = builders(study)
    sizes = {key: _size_of(build()) for key, build in chosen.items()}  # the first call loads fonts
    taken: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in chosen}
    for _ in range(runs):
        for key, build in chosen.items():
            started = time.perf_counter(), time.process_time()
            build()
            taken[key].append((time.perf_counter() - started[0], time.process_time() - started[1]))
    return [_row(key, sizes[key], times) for key, times in taken.items()]


def _size_of(built: Built) -> int:
    assert built is not None
    objects = [built] if isinstance(built, ResultObject) else built
    return sum(len(one.encoded) for one in objects)


def _row(key: tuple[str, int], size_bytes: int, times: Sequence[tuple[float, float]]) -> Row:
    name, images = key
    wall_ms, processor_ms = (round(float(one) * 1e3, 1) for one in np.median(times, axis=0))
    limit_ms = LIMIT_OF_PAGES_AND_PICTURES_MS if name in _LARGER else LIMIT_MS
    return Row(name, images, round(size_bytes / 1000), wall_ms, processor_ms, limit_ms)


def _shown(row: Row) -> dict[str, object]:
    return {
        "object": row.name,
        "images": row.images,
        "kB": row.kilobytes,
        "wall ms": row.wall_ms,
        "CPU ms": row.processor_ms,
        "limit ms": row.limit_ms,
        "": "" if row.is_within else "too slow",
    }


def tell(rows: Sequence[Row]) -> None:
    """A table; typer.Exit with 1 where a limit is exceeded."""
    print_table(list(_shown(rows[0])), [_shown(row) for row in rows])
    if not all(row.is_within for row in rows):
        raise typer.Exit(1)


def main(
    runs: Annotated[int, typer.Option(help="Turns of every object.", min=1)] = 15,
) -> None:
    """Time the building of every result object; exits with 1 where a limit is exceeded."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    typer.echo(f"{_COLUMNS} × {_ROWS} pixels, medians of {runs} runs on one core")
    tell(measure(make_study(_ROWS, _COLUMNS), runs))


if __name__ == "__main__":
    typer.run(main)
