"""Named points in the node's own code at which a process kills itself, without a hook in that code.

A process that is to die is started by `tests/faults/nursery.py`, which puts a wrapper around one
function of it. The product knows nothing of this.
"""

import functools
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

# The command fields of a C-STORE request and of its response, as they go over the wire (PS3.7 E.1).
_C_STORE_RQ = bytes.fromhex("00000001020000000100")
_C_STORE_RSP = bytes.fromhex("00000001020000000180")
_COMMIT = "sqlalchemy.engine.default:DefaultDialect.do_commit"
_SEND_BYTES = "socket:socket.send"
_OUR_ROOMS = ("cli", "db", "dicom_node", "messages", "model", "worker")


class Moment(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True)
class Failpoint:
    """The `call`-th call of `target` (module:name), in a process of `part`.

    `within`: counted from a call of this function on, in its thread; `gives_something`: the first
    call that returns something true; `bytes_sent`: only calls that are given these bytes.
    """

    name: str
    part: str
    target: str
    moment: Moment = Moment.AFTER
    call: int = 1
    within: str = ""
    gives_something: bool = False
    bytes_sent: bytes = b""


def _points(part: str, *points: tuple[str, str, dict[str, Any]]) -> list[Failpoint]:
    return [Failpoint(name, part, target, **how) for name, target, how in points]


_KEEP = "dicom_node.spool:IncomingFile.keep"
_BEFORE = {"moment": Moment.BEFORE}

RECEIVING = _points(
    "listener",
    ("the file is begun", "dicom_node.spool:FileSpool.begin", {}),
    ("a part of the data set is written", "dicom_node.spool:IncomingFile.write", {"call": 2}),
    ("the data set is whole", "dicom_node.store_service:StoreService.handle_store", _BEFORE),
    ("the file is not synced yet", "os:fsync", {"within": _KEEP, **_BEFORE}),
    ("the file is synced", "os:fsync", {"within": _KEEP}),
    ("the file is renamed", "pathlib:Path.rename", {"within": _KEEP}),
    ("the folder is synced", "os:fsync", {"within": _KEEP, "call": 2}),
    ("the transaction is open", "db.intake:record_instance", _BEFORE),
    ("the row is written", "db.intake:record_instance", {}),
    ("the row is committed", _COMMIT, {"within": "db.intake:record_instance"}),
    ("the answer is known", "dicom_node.store_service:StoreService.handle_store", {}),
    ("the answer is sent", _SEND_BYTES, {"bytes_sent": _C_STORE_RSP}),
    ("the association ends", "db.intake:close_association", {}),
)
ANALYSING = _points(
    "analyst",
    ("the claim is written", "db.jobs:claim_job", {"gives_something": True}),
    ("the claim is committed", "db.analyses:load_analysis_input", _BEFORE),
    ("the file is read", "model.decoding.decoder:Decoder.decode", _BEFORE),
    ("the file is decoded", "model.decoding.decoder:Decoder.decode", {}),
    ("the network has answered", "model.classifier:FractureClassifier.predict", {}),
    ("the first picture is kept", _KEEP, {}),
    ("the analysis is written", "db.analyses:save_analysis", {}),
    ("the analysis is committed", _COMMIT, {"within": "db.analyses:save_analysis"}),
)
# What an image too small to be looked at goes through, too.
BEFORE_THE_NETWORK = ANALYSING[:2]
OFFERING = _points(
    "beat",
    ("studies are settled", "db.settling:settle_studies", {"gives_something": True}),
    ("offers are written", "db.jobs:offer_due_jobs", {"gives_something": True}),
    ("offers are committed", "worker.pipeline:offer_due_jobs", {"gives_something": True}),
    ("an offer is sent", "celery:Celery.send_task", {}),
)
_MAKE = "worker.reporting:make_report"
REPORTING = _points(
    "reporter",
    ("the report's number is written", "db.reports:open_report", {}),
    ("the report's number is committed", _MAKE, _BEFORE),
    ("the first object is kept", _KEEP, {"within": _MAKE}),
    ("all objects are kept", _MAKE, {}),
    ("the report is written", "db.reports:save_report", {}),
    ("the report is committed", _COMMIT, {"within": "db.reports:save_report"}),
)
DELIVERING = _points(
    "courier",
    ("the choice is written", "db.deliveries:save_choice", {}),
    ("the object may be sent", "db.deliveries:may_send", {}),
    ("the object is about to be sent", "dicom_node.sender:Sender.send", _BEFORE),
    ("the command is sent", _SEND_BYTES, {"bytes_sent": _C_STORE_RQ}),
    ("the destination has answered", "dicom_node.sender:Sender.send", {}),
    ("the mark is written", "db.deliveries:mark_sent", {}),
    ("the mark is committed", _COMMIT, {"within": "db.deliveries:mark_sent"}),
    ("the end is written", "db.deliveries:finish_consignment", {}),
    ("the end is committed", _COMMIT, {"within": "db.deliveries:finish_consignment"}),
)
POINTS = [*RECEIVING, *ANALYSING, *OFFERING, *REPORTING, *DELIVERING]


def trigger_of(point: Failpoint, triggers: Path) -> Path:
    """The file that lets a process die there."""
    return triggers / str(POINTS.index(point))


def arm(point: Failpoint, trigger: Path) -> None:
    """From now on this process dies at the point, once the file `trigger` is there.

    The file is renamed first: no other process dies of it, and the test sees that it was this one.
    """
    entered = threading.local()

    if point.within:

        def enter(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def noting(*args: Any, **kwargs: Any) -> Any:
                entered.calls = 0
                return function(*args, **kwargs)

            return noting

        _wrap(point.within, enter)
    _wrap(point.target, lambda function: _dying(function, point, trigger, entered))


def _dying(
    function: Callable[..., Any], point: Failpoint, trigger: Path, entered: threading.local
) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        is_it = trigger.exists() and _is_meant(point, entered, args)
        if is_it and point.moment is Moment.BEFORE:
            _die(trigger)
        outcome = function(*args, **kwargs)
        if is_it and point.moment is Moment.AFTER and (outcome or not point.gives_something):
            _die(trigger)
        return outcome

    return wrapper


def _is_meant(point: Failpoint, entered: threading.local, args: tuple[Any, ...]) -> bool:
    if point.within and not hasattr(entered, "calls"):
        return False
    if point.bytes_sent and not any(
        isinstance(sent, bytes | bytearray | memoryview) and point.bytes_sent in bytes(sent)
        for sent in args
    ):
        return False
    if point.gives_something:
        return True
    entered.calls = getattr(entered, "calls", 0) + 1
    return bool(entered.calls == point.call)


def _die(trigger: Path) -> None:
    try:
        trigger.rename(trigger.with_suffix(".hit"))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def _wrap(target: str, wrapped: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put the wrapper in the function's place, also where our rooms have imported it by name."""
    module_name, _, path = target.partition(":")
    holder: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for step in outer:
        holder = getattr(holder, step)
    original = getattr(holder, name)
    wrapper = wrapped(original)
    setattr(holder, name, wrapper)
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] not in _OUR_ROOMS:
            continue
        for alias, value in list(vars(module).items()):
            if value is original:
                setattr(module, alias, wrapper)


def table() -> str:
    """The points as docs/faults.md shows them."""
    lines = ["| Who dies | When | Where |", "|---|---|---|"]
    for point in POINTS:
        place = point.target.rpartition(":")[2]
        within = f", called in `{point.within.rpartition(':')[2]}`" if point.within else ""
        lines.append(f"| {point.part} | {point.name} | {point.moment.value} `{place}`{within} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
