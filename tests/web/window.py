"""The page as a browser gets it: a real server on a free port."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from model.artefact import bundled_artefact
from tests.waiting import wait_for
from web.plan import WebPlan
from web.serving import bind, page_server


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Message
    text: str


@dataclass(frozen=True)
class Window:
    """A page that is being served."""

    port: int

    def get(self, path: str = "/worklist", method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()


@contextmanager
def serving(plan: WebPlan) -> Iterator[Window]:
    server = page_server(plan)
    with bind(plan) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            wait_for(lambda: server.started, "the page", limit_seconds=30)
            yield Window(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)


def plan_for(ledger_url: str, data_dir: Path, **changes: Any) -> WebPlan:
    """A window on this ledger, as an embedded node has it, on a free port."""
    values: dict[str, Any] = {
        "ledger_url": ledger_url,
        "data_dir": data_dir,
        "model_dir": bundled_artefact(),
        "ae_title": "OSTEON",
        "dicom_host": "xray-7",
        "dicom_port": 11112,
        "time_zone": ZoneInfo("Asia/Kolkata"),
        "port": 0,
    }
    return WebPlan(**(values | changes))
