"""What a worker process works with: made on first use, once, and closed at the end."""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine

from db.session import open_ledger
from dicom_node.sender import Destination, Sender
from dicom_node.spool import Spool
from model.artefact import load_artefact
from model.card import Card
from model.classifier import FractureClassifier
from worker.decoder import DecodeLimits, Decoder


@dataclass(frozen=True)
class Waits:
    """How long a worker waits for what, in seconds."""

    quiet_seconds: float
    max_wait_seconds: float
    lease_seconds: float


@dataclass(frozen=True)
class KitchenPlan:
    """The values a kitchen is built from."""

    ledger_url: str
    spool: Spool
    model_dir: Path
    device: str
    ae_title: str
    destinations: tuple[Destination, ...]
    waits: Waits
    decode_limits: DecodeLimits
    annotate_negatives: bool


@dataclass
class Kitchen:
    """A process's ledger, spool, decoder, classifier and sender.

    The classifier is loaded by the first image, not at start: CUDA does not survive a fork and
    start-up hooks may not block; a worker that only reports never loads it.
    """

    plan: KitchenPlan
    _loading: threading.Lock = field(default_factory=threading.Lock)
    _classifier: FractureClassifier | None = None

    @property
    def spool(self) -> Spool:
        return self.plan.spool

    @cached_property
    def ledger(self) -> Engine:
        return open_ledger(self.plan.ledger_url)

    @cached_property
    def decoder(self) -> Decoder:
        return Decoder(self.plan.decode_limits)

    @cached_property
    def sender(self) -> Sender:
        return Sender(self.plan.ae_title)

    @cached_property
    def card(self) -> Card:
        """What the classifier's artefact says of itself; the network is not loaded for it."""
        return load_artefact(self.plan.model_dir).card

    @property
    def classifier(self) -> FractureClassifier:
        with self._loading:
            if self._classifier is None:
                self._classifier = FractureClassifier.load(self.plan.model_dir, self.plan.device)
            return self._classifier

    def close(self) -> None:
        self.decoder.close()
        self.sender.close()
        self.ledger.dispose()
