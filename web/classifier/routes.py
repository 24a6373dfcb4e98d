"""The model page: card, curves, operating points to explore, versions, shadow and drift."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from db.drift import Mixes, study_probabilities, weekly_mixes
from db.session import reading
from db.shadow import FINDINGS, shadow_comparison, shadow_versions
from db.verdict_statistics import count_verdicts
from db.verdicts import counting_verdicts
from db.versions import versions_in_service
from model.card import Card
from model.measured_curves import MeasuredCurves, read_measured_curves
from web.access.guard import Viewer
from web.classifier.drawings import histogram_chart, measured_charts, rate_chart
from web.classifier.drift import WEEKS, alarms
from web.pages import render, say_in
from web.window import InWindow
from web.words import N_

router = APIRouter()
_OWN_DAYS = 30
_SHADOW_DAYS = 30
_SOURCES_DRAWN = 4


@router.get("/model")
def model_page(request: Request, window: InWindow, visitor: Viewer) -> HTMLResponse:
    card = window.card
    curves = read_measured_curves(window.plan.model_dir)
    now = datetime.now(UTC)
    say = say_in(request)
    with reading(window.ledger) as session:
        mixes = weekly_mixes(session, now, WEEKS)
        own = study_probabilities(session, now - timedelta(days=_OWN_DAYS))
        shadows = _shadows(session, now)
        versions = versions_in_service(session)
        statistics = count_verdicts(counting_verdicts(session))
    return render(
        request,
        visitor,
        "classifier/page.html",
        card=card,
        curves=curves,
        charts=measured_charts(curves, card, say) if curves else [],
        explored=_explored(card, curves, own),
        own_days=_OWN_DAYS,
        versions=versions,
        shadows=shadows,
        findings=FINDINGS,
        shadow_days=_SHADOW_DAYS,
        alarms=alarms(mixes),
        mixes=mixes,
        statistics=statistics,
        drift_charts=_drift_charts(mixes, say),
        taken_at=now,
    )


def _explored(card: Card, curves: MeasuredCurves | None, own: list[int]) -> dict[str, Any] | None:
    """What the script needs to say what another operating point would do."""
    if curves is None:
        return None
    points = card.operating_points
    return {
        "thresholds": [
            (at.probability, at.sensitivity, at.specificity) for at in curves.thresholds
        ],
        "own_studies": own,
        "sensitive": points.sensitive.probability,
        "specific": points.specific.probability,
        "prevalence": round(curves.fractured / curves.images, 3),
    }


def _shadows(session: Session, now: datetime) -> list[tuple[Any, Any]]:
    since = now - timedelta(days=_SHADOW_DAYS)
    return [
        (version, shadow_comparison(session, version.model_version, since))
        for version in shadow_versions(session)[:2]
    ]


def _drift_charts(mixes: Mixes, say: Callable[[str], str]) -> list[Any]:
    busiest = sorted(mixes, key=lambda source: -sum(mix.images for mix in mixes[source]))
    drawn = {source: mixes[source] for source in busiest[:_SOURCES_DRAWN]}
    if not drawn:
        return []
    names = (say(N_("weeks before")), say(N_("last week")))
    title = say(N_("Probabilities"))
    about = say(N_("Share of this sender's images by probability."))
    return [
        rate_chart(
            drawn,
            say(N_("Fractures and possibles")),
            say(N_("Share of the images analysed, week by week; 0 is the last seven days.")),
            "positive",
        ),
        rate_chart(
            drawn,
            say(N_("Not analysed")),
            say(N_("Share of all images, week by week; 0 is the last seven days.")),
            "not_analysed",
        ),
        *(
            histogram_chart(weeks, f"{title} {source}", about, names)
            for source, weeks in drawn.items()
        ),
    ]
