"""What a worker process works with: made on first use, once, and closed at the end."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from db.session import open_ledger
from dicom_node.keeping.purging import RetentionPlan
from dicom_node.peer import Destination
from dicom_node.sender import Sender
from dicom_node.spool import Spool
from messages.fhir_source import FhirSite
from model.artefact import load_artefact, require_fracture
from model.card import Card
from model.classifier import FractureClassifier
from model.decoding.decoder import DecodeLimits, Decoder
from model.signing import Signers, require_signed
from worker.destinations import PacsDestination, ResultDestination


@dataclass(frozen=True)
class Waits:
    """How long a worker waits for what, in seconds."""

    quiet_seconds: float
    max_wait_seconds: float
    lease_seconds: float
    # A step that runs longer hangs: its lease is no longer renewed, and another worker tries.
    longest_step_seconds: float = 900


@dataclass(frozen=True)
class KitchenPlan:
    """The values a kitchen is built from."""

    ledger_url: str
    spool: Spool
    model_dir: Path
    device: str
    ae_title: str
    time_zone: ZoneInfo
    destinations: tuple[ResultDestination, ...]
    waits: Waits
    decode_limits: DecodeLimits
    fhir_site: FhirSite
    peers: tuple[Destination, ...] = ()  # where peers that may ask us are told the answer
    shadow_model_dir: Path | None = None  # of the classifier on trial
    model_signers: Signers = field(default_factory=Signers)  # who has to vouch for a classifier
    retention: RetentionPlan = field(default_factory=RetentionPlan)

    @property
    def annotate_negatives(self) -> bool:
        return any(
            isinstance(one, PacsDestination) and one.wishes.pictures_of_negatives
            for one in self.destinations
        )


def load_serving(folder: Path, device: str, signers: Signers) -> FractureClassifier:
    """A classifier that a node may use; raises ARTEFACT_TROUBLE, and DeviceUnavailable."""
    require_signed(folder, signers)
    classifier = FractureClassifier.load(folder, device)
    require_fracture(classifier.card)
    return classifier


class Kitchen:
    """A process's ledger, spool, decoder, classifier and sender.

    The ledger is opened and the classifier loaded by the first job that wants them, not at start: a
    database that is away is waited for, CUDA does not survive a fork, and a worker that only
    reports never loads the network.
    """

    def __init__(self, plan: KitchenPlan) -> None:
        self.plan = plan
        self.spool = plan.spool
        self.decoder = Decoder(plan.decode_limits)
        self.sender = Sender(plan.ae_title)
        # Apart: a heartbeat must not wait for the network to load.
        self._opening, self._loading = threading.Lock(), threading.Lock()
        self._ledger: Engine | None = None
        self._card: Card | None = None
        self._classifier: FractureClassifier | None = None
        self._loading_shadow = threading.Lock()
        self._shadow_dir = plan.shadow_model_dir
        self._shadow: FractureClassifier | None = None

    @property
    def ledger(self) -> Engine:
        with self._opening:
            if self._ledger is None:
                self._ledger = open_ledger(self.plan.ledger_url)
            return self._ledger

    @property
    def card(self) -> Card:
        """What the classifier's artefact says of itself; the network is not loaded for it."""
        with self._loading:
            if self._card is None:
                card = load_artefact(self.plan.model_dir).card
                require_fracture(card)
                self._card = card
            return self._card

    @property
    def classifier(self) -> FractureClassifier:
        with self._loading:
            if self._classifier is None:
                self._classifier = load_serving(
                    self.plan.model_dir, self.plan.device, self.plan.model_signers
                )
            return self._classifier

    @property
    def loaded_classifier(self) -> FractureClassifier | None:
        """The classifier where a job has wanted it already; nothing is loaded or waited for."""
        return self._classifier

    @property
    def shadow(self) -> FractureClassifier | None:
        """The classifier on trial; None where there is none, or where it could not be loaded.

        It is tried once: what an image's own analysis would wait for is not worth it here.
        """
        with self._loading_shadow:
            folder, self._shadow_dir = self._shadow_dir, None
            if folder is not None:
                self._shadow = load_serving(folder, self.plan.device, self.plan.model_signers)
            return self._shadow

    def close(self) -> None:
        self.decoder.close()
        self.sender.close()
        if self._ledger is not None:
            self._ledger.dispose()
