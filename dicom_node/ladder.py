"""The result ladder: what a destination gets follows from the SOP classes it accepts.

From the top: a report with presentation states, a report with secondary captures, captures alone,
and presentation states alone where nothing else is taken.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from pydicom.uid import UID

from dicom_node.results.result_object import ResultKind

_NEGATIVE = "a study without a fracture goes to this destination"
_REPORT_ALONE = f"{_NEGATIVE} as its report alone"
_REPORT_AND_MORE = f"{_NEGATIVE} as its report, with what the settings ask for besides"
_ON_ONE_PAGE = f"{_NEGATIVE} on one page"
_SHOWN_BY_GSPS = "presentation states show it"
_NOT_ACCEPTED = "the destination does not accept {}"
_NAMES = {
    ResultKind.GSPS: "presentation states",
    ResultKind.SC: "secondary captures",
    ResultKind.SUMMARY: "a summary page",
    ResultKind.PDF: "PDF",
    ResultKind.KOS: "key objects",
    ResultKind.SEG: "segmentation",
    ResultKind.REJECTION: "rejection note",
}
_PICTURES = (ResultKind.GSPS, ResultKind.SC, ResultKind.SUMMARY)


@dataclass(frozen=True)
class Wishes:
    """What a destination's settings ask for beyond the ladder, and less."""

    also: frozenset[ResultKind] = frozenset()
    pictures_of_negatives: bool = False


@dataclass(frozen=True)
class Standing:
    """How a study stands with a destination: what the report says, and what came there before."""

    negative: bool = False  # no fracture on any image that was assessed
    partial: bool = False  # an image was not assessed
    before: frozenset[ResultKind] = frozenset()  # of earlier revisions, at this destination

    def why_page(self, wishes: Wishes) -> str | None:
        """Why a summary page is wanted though other objects show the fractures; None: it is not."""
        if ResultKind.SUMMARY in self.before:
            return "an earlier one would stay the newest"
        if self.partial:
            return "an image was not assessed"
        was_shown = not self.before.isdisjoint((ResultKind.GSPS, ResultKind.SC))
        if self.negative and was_shown and not wishes.pictures_of_negatives:
            return "earlier pictures show what is not found any more"
        return None


@dataclass(frozen=True)
class Offered:
    """An object that may be sent, with the SOP classes it can be sent in, the best first."""

    number: int
    kind: ResultKind
    sop_class_uids: tuple[str, ...]
    image: int | None = None  # the one it shows

    def accepted_in(self, accepted: Set[str]) -> str | None:
        return next((uid for uid in self.sop_class_uids if uid in accepted), None)


@dataclass(frozen=True)
class Rung:
    """What is sent, each object in its SOP class, what is not and why, in words for a person."""

    name: str
    reason: str
    sent: dict[int, str]
    omitted: dict[int, str]


def choose_rung(
    offered: Sequence[Offered], accepted: Set[str], wishes: Wishes, standing: Standing
) -> Rung:
    """What a destination that accepts these SOP classes gets; nothing sent: it takes none of it."""
    ladder = _Ladder(offered, accepted, wishes, standing)
    sent: dict[int, str] = {}
    omitted: dict[int, str] = {}
    for one in offered:
        sop_class_uid = one.accepted_in(accepted)
        reason = ladder.why_not(one)
        if reason is None and sop_class_uid is not None:
            sent[one.number] = sop_class_uid
        else:
            omitted[one.number] = reason or _NOT_ACCEPTED.format(_name(one))
    return Rung(_rung_name(offered, sent), ladder.reason(sent), sent, omitted)


class _Ladder:
    """What follows from the accepted classes for all the objects of a report together."""

    def __init__(
        self, offered: Sequence[Offered], accepted: Set[str], wishes: Wishes, standing: Standing
    ) -> None:
        self._offered, self._accepted = offered, accepted
        self._wishes = wishes
        self._has_report = self._is_accepted(ResultKind.SR)
        takes_captures = self._is_accepted(ResultKind.SC) or self._is_accepted(ResultKind.SUMMARY)
        self._captures_only = takes_captures and not self._has_report
        # Silence must never mean "normal": what is left out, something else has said.
        said_otherwise = self._has_report or takes_captures
        self._is_brief = standing.negative and not wishes.pictures_of_negatives and said_otherwise
        self._has_gsps = self._is_accepted(ResultKind.GSPS) and not self._captures_only
        self._shown = {
            one.image for one in offered if one.kind is ResultKind.GSPS and self._has_gsps
        }
        # Pictures go once: a revision without new ones offers none.
        self._study_has_gsps = self._has_gsps or ResultKind.GSPS in standing.before
        self._why_page = standing.why_page(wishes)

    def why_not(self, one: Offered) -> str | None:
        """Why an object is not for this destination though it might accept it."""
        if one.kind not in _PICTURES or one.kind in self._wishes.also:
            return None
        if one.kind is ResultKind.SUMMARY and self._why_page is not None:
            return None
        return self._why_not_by_rung(one)

    def _why_not_by_rung(self, one: Offered) -> str | None:
        return self._why_not_brief(one) if self._is_brief else self._why_not_shown(one)

    def _why_not_brief(self, one: Offered) -> str | None:
        if self._has_report:
            return _REPORT_ALONE
        return None if one.kind is ResultKind.SUMMARY else _ON_ONE_PAGE

    def _why_not_shown(self, one: Offered) -> str | None:
        if one.kind is ResultKind.GSPS and self._captures_only:
            return "without a report, secondary captures say more"
        if one.kind is ResultKind.SC and one.image in self._shown:
            return _SHOWN_BY_GSPS
        if one.kind is ResultKind.SUMMARY and self._study_has_gsps:
            return _SHOWN_BY_GSPS
        return None

    def reason(self, sent: Mapping[int, str]) -> str:
        """Which classes decided, and which settings."""
        report = next((one for one in self._offered if one.kind is ResultKind.SR), None)
        steps = [] if report is None else [self._about_report(report)]
        page = next((one for one in self._offered if self._is_wanted_page(one, sent)), None)
        if self._is_brief:
            steps.append(self._about_negative(sent.keys() - {page.number} if page else sent))
        elif self._offers(ResultKind.GSPS):
            taken = "accepts" if self._is_accepted(ResultKind.GSPS) else "does not accept"
            steps.append(f"{taken} presentation states")
        return "; ".join([*steps, *([f"a summary page besides: {self._why_page}"] if page else [])])

    def _is_wanted_page(self, one: Offered, sent: Mapping[int, str]) -> bool:
        """Whether it goes for what it says, though the rung has no page."""
        is_page = one.kind is ResultKind.SUMMARY and one.number in sent
        asked_for = one.kind in self._wishes.also
        return is_page and not asked_for and self._why_not_by_rung(one) is not None

    def _about_negative(self, sent: Collection[int]) -> str:
        if not self._has_report:
            return _ON_ONE_PAGE
        return _REPORT_ALONE if len(sent) == 1 else _REPORT_AND_MORE

    def _about_report(self, report: Offered) -> str:
        best, taken = report.sop_class_uids[0], report.accepted_in(self._accepted)
        if taken == best:
            return f"accepts {UID(best).name}"
        if taken is not None:
            return f"does not accept {UID(best).name}, but {UID(taken).name}"
        return "accepts no Structured Report of ours"

    def _offers(self, kind: ResultKind) -> bool:
        return any(one.kind is kind for one in self._offered)

    def _is_accepted(self, kind: ResultKind) -> bool:
        return any(one.kind is kind and one.accepted_in(self._accepted) for one in self._offered)


def _rung_name(offered: Sequence[Offered], sent: dict[int, str]) -> str:
    names = (_sent_name(one, sent[one.number]) for one in offered if one.number in sent)
    return " + ".join(_once(names))


def _sent_name(one: Offered, sop_class_uid: str) -> str:
    if one.kind is ResultKind.SR:
        return str(UID(sop_class_uid).name).removesuffix(" Storage")
    return _NAMES[one.kind]


def _name(one: Offered) -> str:
    if one.kind is ResultKind.SR:
        return " or ".join(UID(uid).name for uid in one.sop_class_uids)
    return _NAMES[one.kind]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
