"""The window's own server over a ledger, for what measures its pages."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from model.artefact import bundled_artefact
from web.plan import WebPlan
from web.serving import bind, page_server


@contextmanager
def served(ledger_url: str, data_dir: Path) -> Iterator[str]:
    """Its address, without a slash at the end."""
    plan = WebPlan(
        ledger_url=ledger_url,
        data_dir=data_dir,
        model_dir=bundled_artefact(),
        ae_title="OSTEON",
        dicom_host="localhost",
        dicom_port=11112,
        time_zone=ZoneInfo("UTC"),
        port=0,
    )
    server = page_server(plan)
    with bind(plan) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
