"""How every process of a node logs: one JSON line an event, ids only, never patient data."""

import logging
import sys
import warnings

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
            *_stamps(),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)


def _stamps() -> list[structlog.typing.Processor]:
    return [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _library_formatter(part: str) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            lambda _, __, event: {**event, "part": part},
            structlog.processors.JSONRenderer(),
        ],
        foreign_pre_chain=_stamps(),
    )
