"""The classifier on trial: it looks at what the one in service has looked at, and tells nobody.

It comes after the commit of the analysis in service, which nothing here can change. What it says is
for those who decide whether it is to serve: a row of its own, which no report and no view reads.
"""

from collections.abc import Sequence

import structlog

from db.session import LedgerUnavailable, transaction
from db.shadow import ShadowRecord, save_shadow_analysis
from db.states import AnalysisState
from model.classifier import FractureClassifier
from model.prediction import most_suspicious
from model.radiograph import Radiograph
from worker.examination import Stopwatch, state_of
from worker.job_runner import describe
from worker.kitchen import Kitchen
from worker.retrying import NODE_TROUBLE

log = structlog.get_logger(__name__)

# What a network raises that fits neither its card nor its device: OpenVINO and torch have no
# exceptions of their own for it.
_NETWORK_TROUBLE = (RuntimeError, ValueError, LookupError, ArithmeticError, MemoryError)
_STAGE = "predict"


def score_in_shadow(kitchen: Kitchen, instance_id: int, radiographs: Sequence[Radiograph]) -> None:
    """Keep what the classifier on trial says of the image, where there is one."""
    classifier = _classifier_on_trial(kitchen)
    if classifier is None or not radiographs:
        return
    record = _score(classifier, radiographs)
    try:
        with transaction(kitchen.ledger) as session:
            save_shadow_analysis(session, instance_id, record)
    except LedgerUnavailable:
        log.warning("shadow_not_saved")


def _classifier_on_trial(kitchen: Kitchen) -> FractureClassifier | None:
    try:
        return kitchen.shadow
    except (*NODE_TROUBLE, *_NETWORK_TROUBLE, OSError) as error:
        log.error("shadow_not_loaded", error=describe(error))
        return None


def _score(classifier: FractureClassifier, radiographs: Sequence[Radiograph]) -> ShadowRecord:
    """A failure is a record with its reason."""
    card, watch = classifier.card, Stopwatch()
    try:
        with watch.stage(_STAGE):
            prediction = most_suspicious(classifier.predict(radiographs))
    except _NETWORK_TROUBLE as error:
        reason = f"the classifier on trial failed: {describe(error)}"
        log.warning("shadow_failed", error=describe(error))
        return ShadowRecord(card.name, card.version, AnalysisState.NOT_ANALYSED, reason)
    return ShadowRecord(
        card.name,
        card.version,
        state_of(prediction),
        reason=prediction.reason,
        probability=prediction.probability,
        region=prediction.region,
        milliseconds=watch.milliseconds[_STAGE],
    )
