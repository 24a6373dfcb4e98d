"""The demonstration, step by step; a step that does not pass ends it and says where to look."""

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from db.results import study_results
from db.session import open_ledger, reading
from demo.node import DemoNode, running_node
from demo.outcome import show_delivery, show_images, show_report, write_pictures
from demo.screen import Screen
from demo.studies import DemoStudy, NotAnImage, choose_study
from demo.test_pacs import TestPacs
from dicom_node.echo import verify_peer
from dicom_node.outbox import send_datasets
from dicom_node.peer import Destination, PeerTrouble

_START_SECONDS = 120
_RESULT_SECONDS = 180
_POLL_SECONDS = 0.1
_AE_TITLE = "XRAYROOM"
_SR_MODALITY = "SR"


class DemoFailed(Exception):
    """A step did not do what it should."""


def run_demo(folder: Path, image: Path | None, screen: Screen, *, keep_running: bool) -> None:
    """Node up, study in, report back; raises DemoFailed where a step does not pass."""
    folder = folder / datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
    study = _choose(image)
    with (
        TestPacs(folder / "returned") as pacs,
        running_node(folder / "node", pacs.address) as node,
    ):
        _timed(screen, f"node answers at {node.address}", lambda: _await_echo(node))
        _timed(screen, f"pages at {node.page}", lambda: _await_page(node))
        _timed(screen, f"sent by C-STORE: {study.title}", lambda: _send(node, study))
        _await_result(node, study, screen)
        _await_returned(pacs, node)
        _show(node, pacs, study, screen)
        if keep_running:
            _stay(node, screen)


def _choose(image: Path | None) -> DemoStudy:
    try:
        return choose_study(image)
    except NotAnImage as problem:
        raise DemoFailed(str(problem)) from problem


def _timed(screen: Screen, text: str, step: Callable[[], None]) -> None:
    started = time.monotonic()
    step()
    screen.step(text, time.monotonic() - started)


def _destination(node: DemoNode) -> Destination:
    return Destination(node.ae_title, "127.0.0.1", node.port)


def _await_echo(node: DemoNode) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            return verify_peer(_destination(node), calling_ae_title=_AE_TITLE)
        except PeerTrouble as problem:
            if node.process.poll() is not None:
                raise DemoFailed(f"the node ended; its log is {node.log}") from problem
            if time.monotonic() > deadline:
                raise DemoFailed(
                    f"the node does not answer: {problem}; see {node.log}"
                ) from problem
        time.sleep(_POLL_SECONDS)


def _await_page(node: DemoNode) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not node.shows_page():
        if time.monotonic() > deadline:
            raise DemoFailed(f"the pages do not answer; see {node.log}")
        time.sleep(_POLL_SECONDS)


def _send(node: DemoNode, study: DemoStudy) -> None:
    try:
        send_datasets(_destination(node), _AE_TITLE, study.instances)
    except PeerTrouble as problem:
        raise DemoFailed(f"the node did not take the study: {problem}") from problem


def _await_result(node: DemoNode, study: DemoStudy, screen: Screen) -> None:
    """Follows the study's state in the ledger until its report is delivered."""
    ledger = open_ledger(node.ledger_url)
    started = time.monotonic()
    shown = ""
    while shown not in ("delivered", "committed"):
        with reading(ledger) as session:
            rows = study_results(session, study.study_instance_uid)
        state = _state(rows)
        if state != shown:
            screen.step(f"study is {state}", time.monotonic() - started)
            shown = state
        if time.monotonic() - started > _RESULT_SECONDS:
            raise DemoFailed(f"the study stays {state}; see {node.log}")
        time.sleep(_POLL_SECONDS)
    ledger.dispose()


def _state(rows: list[dict[str, Any]]) -> str:
    return str(rows[0]["state"]) if rows else "on its way"


def _await_returned(pacs: TestPacs, node: DemoNode) -> None:
    if not any(header.Modality == _SR_MODALITY for header in pacs.headers()):
        raise DemoFailed(f"no Structured Report came back; see {node.log}")


def _show(node: DemoNode, pacs: TestPacs, study: DemoStudy, screen: Screen) -> None:
    show_images(node, study, screen)
    show_delivery(node, study, screen)
    show_report(pacs, screen)
    screen.heading("Annotated images")
    for path in write_pictures(pacs):
        screen.say(str(path))


def _stay(node: DemoNode, screen: Screen) -> None:
    screen.heading("The node keeps running. Send it something of yours:")
    screen.say(f"  .venv/bin/osteon send {node.address} FILE…")
    screen.say(f"Watch it at {node.page}")
    screen.say("Its data lie in " + str(node.data_dir) + ". Ctrl-C ends it.")
    node.process.wait()
    raise DemoFailed(f"the node ended; its log is {node.log}")
