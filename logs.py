"""How every process of a node logs: one JSON line an event, ids only, never patient data."""

import logging
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Any

import structlog

# These libraries put values of data sets into their messages.
_TALKATIVE = ("pydicom", "pynetdicom", "highdicom", "PIL")


def configure_logs(level: str, part: str) -> None:
    """Sends this process's events to stderr as JSON lines that carry `part`."""
    warnings.simplefilter("ignore")
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).handlers = [logging.NullHandler()]
        logging.getLogger(name).propagate = False
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_library_formatter(part))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            # No bound variable: threads have none of those.
            lambda _, __, event: {**event, "part": part},
            *_stamps(),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    sys.excepthook = _log_end
    threading.excepthook = lambda ended: _log_end(
        ended.exc_type, ended.exc_value, ended.exc_traceback
    )


def _stamps() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _library_formatter(part: str) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _without_values,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _, __, event: {**event, "part": part},
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=_stamps(),
    )


def _without_values(_logger: Any, _method: str, event: Any) -> Any:
    """Of an exception its kind and place: the message, and what a library makes of it, may quote.

    asyncio and Celery put it into their own sentence, of which the first line's form is kept.
    """
    raised = event.pop("exc_info", None)
    if not raised:
        return event
    kind, _, trace = raised if isinstance(raised, tuple) else sys.exc_info()
    said = str(event["_record"].msg).strip().splitlines() or [""]
    return {**event, "event": said[0], **_place(kind, trace)}


def _log_end(
    kind: type[BaseException], _error: BaseException | None, trace: TracebackType | None
) -> None:
    """What nobody caught ends a process or a thread; Python's own words would quote it."""
    structlog.get_logger(__name__).error("ended_by_exception", **_place(kind, trace))


def _place(kind: type[BaseException] | None, trace: TracebackType | None) -> dict[str, str]:
    frames = traceback.extract_tb(trace)
    at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return {"error": kind.__name__ if kind else "", "at": at}
