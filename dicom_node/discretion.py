"""Keeps patient data out of logs: pydicom and pynetdicom put values into warnings and messages."""

import logging
import traceback
import warnings

from pynetdicom import _config


def silence_dicom_libraries() -> None:
    """Stop both libraries from writing anywhere, at any level; our own log lines say what happened.

    For the whole process, because warnings and loggers are.
    """
    warnings.simplefilter("ignore")
    _config.LOG_HANDLER_LEVEL = "none"
    for library in ("pydicom", "pynetdicom"):
        logger = logging.getLogger(library)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False


def printable(text: str) -> str:
    """A peer's AE title or UID as one harmless word of a log line."""
    return "".join(char if " " <= char <= "~" else "?" for char in text[:64]).strip()


def last_place(error: Exception) -> str:
    """Where it happened; the message itself may hold a patient's values."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"
