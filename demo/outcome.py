"""What came of the study: a table from the ledger, the SR as text, the annotated images as PNG."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image
from pydicom import dcmread
from pydicom.uid import SecondaryCaptureImageStorage

from db.results import delivery_results, image_results
from db.session import open_ledger, reading
from demo.node import DemoNode
from demo.screen import Screen
from demo.studies import DemoStudy
from demo.test_pacs import TestPacs
from dicom_node.results.report_text import report_lines

# What a machine needs of a report and a person does not.
_TECHNICAL = (
    "Algorithm",
    "CAD Processing",
    "Device Observer",
    "Geometric purpose",
    "Horizontal Pixel Spacing",
    "Image Region",
    "Language",
    "Observer Type",
    "Pixel Data",
    "Source of Measurement",
    "Tracking Unique Identifier",
    "Vertical Pixel Spacing",
)
_COLUMNS = ("image", "state", "probability", "region", "analysed", "reported", "delivered")


def show_images(node: DemoNode, study: DemoStudy, screen: Screen) -> None:
    """One row per image; times are seconds after it was received."""
    ledger = open_ledger(node.ledger_url)
    with reading(ledger) as session:
        rows = image_results(session, study.study_instance_uid)
    ledger.dispose()
    screen.heading("What the ledger says (times after receipt)")
    screen.table(_COLUMNS, [_row(number, row) for number, row in enumerate(rows, start=1)])


def show_delivery(node: DemoNode, study: DemoStudy, screen: Screen) -> None:
    """What the PACS was given, and why that."""
    ledger = open_ledger(node.ledger_url)
    with reading(ledger) as session:
        rows = delivery_results(session, study.study_instance_uid)
    ledger.dispose()
    screen.heading("What the PACS got, by what it accepts")
    screen.lines(f"{row['rung']}: {row['why']}" for row in rows)


def _row(number: int, row: dict[str, Any]) -> tuple[str, ...]:
    answer = row["reason"] if row["probability"] is None else f"{row['probability']:.3f}"
    stages = ("analysed_at", "reported_at", "delivered_at")
    waits = [_seconds(row["received_at"], row[reached]) for reached in stages]
    return (str(number), row["state"], answer or "", row["region"] or "", *waits)


def _seconds(received: datetime, reached: datetime | None) -> str:
    return "" if reached is None else f"{(reached - received).total_seconds():.1f} s"


def show_report(pacs: TestPacs, screen: Screen) -> None:
    screen.heading("The Structured Report, as the PACS received it")
    for path in pacs.received:
        report = dcmread(path)
        if report.Modality == "SR":
            screen.lines(line for line in report_lines(report) if not _is_technical(line))


def _is_technical(line: str) -> bool:
    return line.strip().startswith(_TECHNICAL)


def write_pictures(pacs: TestPacs) -> Iterator[Path]:
    """The annotated images that came back, as PNG beside the DICOM files."""
    for path in pacs.received:
        capture = dcmread(path)
        if capture.SOPClassUID == SecondaryCaptureImageStorage:
            picture = path.with_suffix(".png")
            Image.fromarray(capture.pixel_array).save(picture)
            yield picture
