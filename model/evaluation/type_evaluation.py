"""All that a report shows of a classifier that tells fracture types alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from model.evaluation.evaluation import Declined, Latency, Subject, declined, latency
from model.evaluation.fracture_types import TypeAnswers, figures_of_types, type_answers
from model.evaluation.measure import Unread
from model.evaluation.measured import Measured
from model.evaluation.summary import NothingJudged
from model.figures import TypeFigures


@dataclass(frozen=True, slots=True)
class TypeEvaluation:
    """What metrics.json holds of it."""

    name: str
    version: str
    files: dict[str, str]  # SHA-256 of the artefact's files
    data: str
    split: str
    measured_at: datetime
    environment: dict[str, str]
    command: str  # what makes the figures again
    note: str  # what the figures are of
    images: int  # read
    groups: int
    untold: int  # judged, but truly of no type that it tells: in no figure
    types: TypeFigures
    not_assessable: tuple[Declined, ...]
    unread: tuple[Declined, ...]
    latency: Latency | None


def evaluate_types(
    measured: Sequence[Measured], unread: Sequence[Unread], subject: Subject
) -> TypeEvaluation:
    """Raises NothingJudged where no image of a type that it tells has an answer."""
    card, refused = subject.card, [one for one in measured if not one.types]
    answers = _answers(measured, subject)
    return TypeEvaluation(
        name=card.name,
        version=card.version,
        files=card.files,
        data=subject.data,
        split=subject.split,
        measured_at=datetime.now(UTC).replace(microsecond=0),
        environment=subject.environment,
        command=subject.command,
        note=subject.note,
        images=len(measured),
        groups=len({one.image.group for one in measured}),
        untold=len(measured) - len(refused) - len(answers.true),
        types=figures_of_types(answers),
        not_assessable=declined(refused),
        unread=declined(unread),
        latency=latency(measured),
    )


def _answers(measured: Sequence[Measured], subject: Subject) -> TypeAnswers:
    answers = type_answers(measured)
    if answers is not None:
        return answers
    if not any(one.types for one in measured):
        raise NothingJudged("none of the images was assessable: there is nothing to measure")
    told = ", ".join(subject.card.network.types)
    raise NothingJudged(
        f"{subject.card.name} {subject.card.version} tells fracture types alone, and no image that "
        f"it judged is known to be of one of them: {told}"
    )
