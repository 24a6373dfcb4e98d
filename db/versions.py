"""Which versions of the network have spoken, and which were withdrawn."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import Analysis, WithdrawnModel


@dataclass(frozen=True)
class ServedVersion:
    """A version with what it has analysed; `withdrawn` says why nothing of it counts any more."""

    model_name: str
    model_version: str
    images: int
    first_at: datetime
    last_at: datetime
    withdrawn: str | None


def versions_in_service(session: Session) -> list[ServedVersion]:
    """The one that spoke last comes first."""
    last_at = func.max(Analysis.analysed_at)
    asked = (
        select(
            Analysis.model_name,
            Analysis.model_version,
            func.count(),
            func.min(Analysis.analysed_at),
            last_at,
            func.max(WithdrawnModel.reason),
        )
        .outerjoin(WithdrawnModel, WithdrawnModel.model_version == Analysis.model_version)
        .where(Analysis.model_version != "")
        .group_by(Analysis.model_name, Analysis.model_version)
        .order_by(last_at.desc())
    )
    return [ServedVersion(*row) for row in session.execute(asked)]
