"""The verdict as the form sends it: read, and refused in words where it does not say enough."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from db.states import AnalysisState, Opinion
from db.verdicts import MAX_COMMENT, Judgement
from web.vocabulary import Vocabulary
from web.words import N_

_MAX_BOXES = 50
_MAX_PIXELS = 1 << 16
_CORNERS = ("x0", "y0", "x1", "y1")
_SEEN = (AnalysisState.FRACTURE, AnalysisState.POSSIBLE, AnalysisState.NONE)
Word = TypeVar("Word", Opinion, AnalysisState)


class NotSaid(ValueError):
    """The form lacks something; the message says what, in a sentence that is translated."""


class VerdictForm(BaseModel):
    """What stands in the form's fields, however wrong.

    `image` is a SOP Instance UID and the number of the analysis that is shown, with a space between
    them; empty: the study as a whole. `boxes` is a JSON list of corners.
    """

    image: str = Field("", max_length=100)
    opinion: str = Field("", max_length=20)
    finding: str = Field("", max_length=20)
    region: str = Field("", max_length=40)
    type: str = Field("", max_length=40)
    boxes: str = Field("[]", max_length=20_000)
    comment: str = Field("", max_length=4 * MAX_COMMENT)
    revision: str = Field("", max_length=20)

    def judgement(self, study_instance_uid: str, reader: str, words: Vocabulary) -> Judgement:
        """Raises NotSaid. What corrects nothing is left out: a region that is agreed to, say."""
        opinion = _word(Opinion, self.opinion)
        if opinion is None:
            raise NotSaid(N_("Choose whether you agree."))
        finding = _word(AnalysisState, self.finding)
        if opinion is Opinion.DISAGREE and finding not in _SEEN:
            raise NotSaid(N_("Say what you see instead."))
        comment = self.comment.replace("\r\n", "\n").strip()
        if len(comment) > MAX_COMMENT:
            raise NotSaid(N_("The comment is longer than 2000 characters."))
        image, _, analysis = self.image.partition(" ")
        given = Judgement(
            study_instance_uid=study_instance_uid,
            reader=reader,
            opinion=opinion,
            sop_instance_uid=image or None,
            analysis_id=_number(analysis),
            report_revision=_number(self.revision),
            comment=comment,
        )
        return given if opinion is Opinion.AGREE else replace(given, **self._correction(words))

    def _correction(self, words: Vocabulary) -> dict[str, Any]:
        finding = _word(AnalysisState, self.finding)
        boxes = _boxes(self.boxes)
        if finding is AnalysisState.NONE:
            return {"corrected_finding": finding, "corrected_region": self._chosen(words.regions)}
        if boxes and not self.image:
            raise NotSaid(N_("Places are marked on an image: choose the image they are on."))
        return {
            "corrected_finding": finding if finding in _SEEN else None,
            "corrected_region": self._chosen(words.regions),
            "corrected_type": self.type if self.type in words.types else None,
            "boxes": boxes,
        }

    def _chosen(self, regions: tuple[str, ...]) -> str | None:
        return self.region if self.region in regions else None


def _word(words: type[Word], written: str) -> Word | None:
    return words(written) if written in list(words) else None


def _number(written: str) -> int | None:
    return int(written) if written.isdecimal() and len(written) < 10 else None


def _boxes(written: str) -> list[dict[str, float]]:
    """Corners within what an image can have; raises NotSaid for anything else."""
    try:
        boxes = [{name: float(box[name]) for name in _CORNERS} for box in json.loads(written)]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotSaid(N_("The marks cannot be read: mark them again.")) from error
    if len(boxes) > _MAX_BOXES or not all(_is_box(box) for box in boxes):
        raise NotSaid(N_("The marks cannot be read: mark them again."))
    return boxes


def _is_box(box: Mapping[str, float]) -> bool:
    """Within an image, and with an area."""
    within = all(math.isfinite(one) and 0 <= one <= _MAX_PIXELS for one in box.values())
    return within and box["x0"] < box["x1"] and box["y0"] < box["y1"]
