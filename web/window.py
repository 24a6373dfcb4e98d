"""What every page works with: ledger, spool, decoder and classifier, each on first use."""

from functools import cached_property
from threading import Lock
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy import Engine

from db.session import LedgerUnavailable, open_ledger
from db.upgrade import is_outdated, ledger_revision
from dicom_node.spool import FileSpool
from model.artefact import load_artefact
from model.card import Card
from model.classifier import FractureClassifier
from model.decoding.decoder import DecodeLimits, Decoder
from model.signing import require_signed
from web.plan import WebPlan

_DECODE_LIMITS = DecodeLimits(seconds=30, memory_bytes=2 << 30)


class Window:
    """Made with the application; it starts without the ledger, and says so on each page."""

    def __init__(self, plan: WebPlan) -> None:
        self.plan = plan
        self.decoder = Decoder(_DECODE_LIMITS)
        self._opening, self._loading = Lock(), Lock()
        self._ledger: Engine | None = None
        self._classifier: FractureClassifier | None = None

    @property
    def ledger(self) -> Engine:
        """Raises LedgerUnavailable, or LedgerUnsafe where a person has to mend it."""
        with self._opening:
            if self._ledger is None:
                self._ledger = _open_current(self.plan.ledger_url)
            return self._ledger

    @cached_property
    def spool(self) -> FileSpool:
        return FileSpool(self.plan.data_dir / "spool")

    @cached_property
    def card(self) -> Card:
        """What the artefact says of itself; raises ArtefactMissing or ArtefactDamaged."""
        return load_artefact(self.plan.model_dir).card

    @property
    def classifier(self) -> FractureClassifier:
        """For images that are tried here; on the CPU, whatever the workers run on."""
        with self._loading:
            if self._classifier is None:
                require_signed(self.plan.model_dir, self.plan.model_signers)
                self._classifier = FractureClassifier.load(self.plan.model_dir, "cpu")
            return self._classifier

    def close(self) -> None:
        self.decoder.close()
        if self._ledger is not None:
            self._ledger.dispose()


def window_of(request: Request) -> Window:
    window: Window = request.app.state.window
    return window


InWindow = Annotated[Window, Depends(window_of)]


def _open_current(ledger_url: str) -> Engine:
    engine = open_ledger(ledger_url)
    found = ledger_revision(engine)
    if is_outdated(found):
        engine.dispose()
        raise LedgerUnavailable(f"its schema is {found or 'empty'}: run `osteon db upgrade`")
    return engine
