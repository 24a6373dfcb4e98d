"""How soon a person sees something: the worklist, and the first image of a study.

    python -m benchmarks.pages [--repetitions N] [--j2k]

A node's ledger with fifty studies, one of them with a phantom of 2500 × 2048 pixels and 16 bits, is
shown by `osteon web`'s own server to the system's Chromium on this machine. Cold: nothing in the
browser's cache. Times are from the navigation's start, in milliseconds: median and longest.
"""

import statistics
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from pydicom.uid import JPEG2000Lossless
from sqlalchemy import Engine

from benchmarks.served_window import served
from db.intake import OpenedAssociation, ReceivedInstance, open_association, record_instance
from db.session import open_ledger, transaction
from db.upgrade import upgrade_ledger
from db.worklist_refresh import refresh_worklist
from dicom_node.dicomize import ImageForm, write_dicom
from dicom_node.phantom_study import Rendering, phantom_study
from dicom_node.spool import FileSpool

_STUDIES = 50
_SHOWN = '.pane[data-state="shown"]'
_INTERACTIVE = "performance.getEntriesByType('navigation')[0].domInteractive"


def fill(engine: Engine, spool: FileSpool, form: ImageForm) -> str:
    """Fifty studies of the same image; the UID of the last."""
    rendering = Rendering(rows=2500, columns=2048, form=form)
    (dataset,) = phantom_study(1, fractured=True, views=["ap"], rendering=rendering)
    file = BytesIO()
    write_dicom(dataset, file)
    kept = spool.write(file.getvalue())
    with transaction(engine) as session:
        open_association(session, OpenedAssociation("a", "L", "CR_ROOM_1", "OSTEON", "127.0.0.1"))
    for number in range(_STUDIES):
        instance = ReceivedInstance(
            association_id="a",
            study_instance_uid=f"1.2.{number}",
            series_instance_uid=f"1.2.{number}.1",
            sop_instance_uid=f"1.2.{number}.1.1",
            sop_class_uid=str(dataset.SOPClassUID),
            transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
            spool_key=kept.key,
            sha256=kept.sha256,
            size_bytes=kept.size_bytes,
            is_image=True,
            modality="DX",
            patient_name="PHANTOM^HAND",
            patient_id="P",
        )
        with transaction(engine) as session:
            record_instance(session, instance)
    while refresh_worklist(engine):
        pass
    return f"1.2.{_STUDIES - 1}"


def worklist_interactive(context: BrowserContext, address: str, _study: str) -> float:
    page = context.new_page()
    page.goto(f"{address}/worklist")
    taken: float = page.evaluate(_INTERACTIVE)
    page.close()
    return taken


def first_image(context: BrowserContext, address: str, study: str) -> float:
    page = context.new_page()
    started = time.perf_counter()
    page.goto(f"{address}/study/{study}", wait_until="commit")
    page.wait_for_selector(_SHOWN)
    taken = (time.perf_counter() - started) * 1000
    page.close()
    return taken


def measure(browser: Browser, address: str, study: str, repetitions: int) -> None:
    for name, look in (
        ("worklist interactive", worklist_interactive),
        ("first image", first_image),
    ):
        cold, warm = [], []
        for _ in range(repetitions):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            cold.append(look(context, address, study))
            warm.append(look(context, address, study))
            context.close()
        for kind, taken in (("cold", cold), ("warm", warm)):
            print(f"{name:22} {kind:5} {statistics.median(taken):8.0f} {max(taken):8.0f}")


def main(
    repetitions: int = 7,
    j2k: Annotated[bool, typer.Option("--j2k", help="The image in lossless JPEG 2000.")] = False,
) -> None:
    form = ImageForm("DX", JPEG2000Lossless) if j2k else ImageForm("DX")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        data_dir = Path(folder)
        ledger_url = f"sqlite:///{data_dir / 'ledger.sqlite'}"
        upgrade_ledger(ledger_url)
        study = fill(open_ledger(ledger_url), FileSpool(data_dir / "spool"), form)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"]
        )
        with served(ledger_url, data_dir) as address:
            measure(browser, address, study, repetitions)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
