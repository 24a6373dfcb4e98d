"""Whose answer to each image counted in a report, and which of them are withdrawn by now."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.states import ObjectKind
from db.tables import Analysis, Instance, Series, WithdrawnModel

WITHDRAWN = "model {} was withdrawn: {}"
PICTURES = (ObjectKind.SC, ObjectKind.GSPS, ObjectKind.SEG)


@dataclass(frozen=True)
class CountedAnswers:
    """Of one study, oldest first: image, evidence version, and why the answer is withdrawn."""

    answers: Sequence[tuple[int, int, str | None]]

    @classmethod
    def of(cls, session: Session, study_id: int) -> "CountedAnswers":
        asked = (
            select(
                Analysis.instance_id,
                Analysis.evidence_version,
                WithdrawnModel.model_version,
                WithdrawnModel.reason,
            )
            .join(Instance, Instance.id == Analysis.instance_id)
            .join(Series, Series.id == Instance.series_id)
            .outerjoin(WithdrawnModel, WithdrawnModel.model_version == Analysis.model_version)
            .where(Series.study_id == study_id)
            .order_by(Analysis.id)
        )
        return cls(
            [
                (image, seen, None if version is None else WITHDRAWN.format(version, reason))
                for image, seen, version, reason in session.execute(asked)
            ]
        )

    def why_withdrawn(
        self, kind: ObjectKind, instance_id: int | None, evidence_version: int
    ) -> str | None:
        """Why an object of a report of this evidence says what no longer counts; None: it does.

        A picture shows the answer to its image; all else quotes those to all of them.
        """
        withdrawn = self._withdrawn(evidence_version)
        if kind in PICTURES:
            return withdrawn.get(instance_id or 0)
        return next(iter(withdrawn.values()), None)

    def _withdrawn(self, evidence_version: int) -> dict[int, str]:
        """By image: the last answer that the report had seen, where that is withdrawn."""
        counted = {image: why for image, seen, why in self.answers if seen <= evidence_version}
        return {image: why for image, why in counted.items() if why is not None}
