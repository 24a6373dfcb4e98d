"""One file before the classifier: decoded in a child, judged, and forgotten with the answer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Thread

import structlog
from fastapi import HTTPException

from model.artefact import ARTEFACT_TROUBLE
from model.classifier import FractureClassifier
from model.decoding.decoder import DecoderKilled
from model.not_assessable import NotAssessable
from model.prediction import Prediction, Row, most_suspicious, row_of, row_of_refused
from model.radiograph import Radiograph
from model.radiograph_file import FileKind, kind_of
from web.trial.upload import busy
from web.window import Window

log = structlog.get_logger(__name__)
# One image at a time is looked at here: the workers have the machine to themselves otherwise.
_PLACE = BoundedSemaphore(1)
_WAIT_SECONDS = 20


@dataclass(frozen=True)
class Trial:
    """What became of a file: a prediction with the frame that stands for it, or a reason."""

    kind: FileKind
    seconds: float
    prediction: Prediction | None = None
    shown: Radiograph | None = None
    reason: str | None = None

    @property
    def row(self) -> Row:
        """What `osteon predict --json` says of the file."""
        return row_of_refused(self.reason) if self.prediction is None else row_of(self.prediction)


def try_file(window: Window, encoded: bytes) -> Trial:
    """HTTPException 503 where the machine, not the file, is at fault."""
    classifier = classifier_of(window)
    kind, began = kind_of(encoded), time.monotonic()
    with _place():
        try:
            radiographs = decode(window, encoded)
        except NotAssessable as refusal:
            return Trial(kind, time.monotonic() - began, reason=str(refusal))
        prediction = most_suspicious(classifier.predict(radiographs))
    shown = next(one for one in radiographs if one.frame == prediction.frame)
    return Trial(kind, time.monotonic() - began, prediction, shown)


def decode(window: Window, encoded: bytes) -> list[Radiograph]:
    """Raises NotAssessable where the file is at fault."""
    try:
        return window.decoder.decode_any(encoded)
    except DecoderKilled as trouble:
        raise HTTPException(503, str(trouble)) from trouble


def classifier_of(window: Window) -> FractureClassifier:
    try:
        return window.classifier
    except ARTEFACT_TROUBLE as trouble:
        raise HTTPException(503, f"The classifier cannot be loaded: {trouble}") from trouble


def warm_up(window: Window) -> None:
    """In the background: who opens the page is about to drop a file."""
    Thread(target=_load, args=(window,), name="warm-up", daemon=True).start()


def _load(window: Window) -> None:
    window.decoder.start_ahead()
    try:
        classifier_of(window)
    except HTTPException as trouble:
        log.warning("classifier_not_loaded", error=trouble.detail)


@contextmanager
def _place() -> Iterator[None]:
    if not _PLACE.acquire(timeout=_WAIT_SECONDS):
        raise busy()
    try:
        yield
    finally:
        _PLACE.release()
