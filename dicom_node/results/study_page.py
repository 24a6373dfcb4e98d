"""What a one-page document of a study says, whatever it is drawn on; nothing of the patient."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from dicom_node.received_header import laterality_of
from dicom_node.results.equipment import PRODUCT, product_version
from dicom_node.results.finding import BoundingBox, FindingState, ImageFinding, StudyFinding
from dicom_node.results.patient_study import in_source_zone
from dicom_node.results.report_wording import STATE_WORDS, different_models, percentage
from dicom_node.results.reported_image import ReportedImage, reported_images
from dicom_node.results.result_object import ReportIssue

# Where not all images fit, those a reader must not miss come first: an image that nobody's network
# looked at matters more than one without a finding.
_RANK = (
    FindingState.FRACTURE,
    FindingState.POSSIBLE,
    FindingState.NOT_ASSESSABLE,
    FindingState.NONE,
)
# More rows than any page holds: the others need not even be measured.
MOST_ROWS = 50
# Where there is no room for more; the colour and the table say the rest.
_SHORT_WORDS = {FindingState.POSSIBLE: "Possible", FindingState.NONE: "None found"}
_SIDES = {"R": "right", "L": "left", "B": "both sides"}


@dataclass(frozen=True)
class ImageLine:
    """One row of the page's table."""

    label: str
    sop_instance_uid: str
    state: FindingState
    probability: float | None
    place: str  # region and side
    kind: str  # type and severity
    remark: str  # what makes the answer less sure, or why there is none
    boxes: tuple[BoundingBox, ...]

    @property
    def short_label(self) -> str:
        """Without the numbers of series and instance."""
        return self.label.split(" (")[0]

    @property
    def answer(self) -> str:
        """State and probability, short enough for a column and a caption."""
        return self._with_probability(STATE_WORDS[self.state])

    @property
    def short_answers(self) -> tuple[str, str]:
        words = _SHORT_WORDS.get(self.state, STATE_WORDS[self.state])
        return self._with_probability(words), words

    def _with_probability(self, words: str) -> str:
        return words if self.probability is None else f"{words}, {percentage(self.probability)}"


@dataclass(frozen=True)
class StudyPage:
    """The study's answer, its images in reading order, and who gave it when."""

    state: FindingState
    probability: float | None
    analysed_count: int
    lines: tuple[ImageLine, ...]
    operating_points: Mapping[str, float]
    model: str
    models: tuple[str, ...]  # a sentence where images were analysed by several
    made: str

    @property
    def labels_behind(self) -> str:
        """The images that carry the study's state, the most probable first."""
        behind = [line for line in self.lines if line.state is self.state]
        return "; ".join(line.label for line in sorted(behind, key=_urgency))

    @property
    def counts(self) -> str:
        return f"{self.analysed_count} of {plural(len(self.lines), 'image')} analysed"

    @property
    def grounds(self) -> str:
        return ". ".join((self.counts, *self.models, self.labels_behind))


def study_page(headers: Sequence[Dataset], finding: StudyFinding, issue: ReportIssue) -> StudyPage:
    """The page of a study whose headers come in reading order."""
    algorithm, models = finding.algorithm, different_models(finding)
    made_at = in_source_zone(issue.created_at, headers[0])
    return StudyPage(
        state=finding.state,
        probability=finding.probability,
        analysed_count=finding.analysed_count,
        lines=tuple(map(_line, reported_images(headers, finding))),
        # Those of one model say nothing of the answers of another.
        operating_points={} if models else algorithm.operating_points,
        model=f"{PRODUCT} {product_version()}, model {algorithm.name} {algorithm.version}",
        models=tuple(models),
        made=f"Revision {issue.revision}, made {made_at:%Y-%m-%d %H:%M}",
    )


def most_urgent(lines: Sequence[ImageLine], count: int) -> list[ImageLine]:
    """As many lines as asked for, those that matter most, in reading order."""
    kept = {id(line) for line in sorted(lines, key=_urgency)[:count]}
    return [line for line in lines if id(line) in kept]


def fitting_lines(
    page: StudyPage,
    room: float,
    height_of_line: Callable[[ImageLine], float],
    height_of_sentence: Callable[[str], float],
) -> list[ImageLine]:
    """The lines that fit in the room beside the sentence about those that do not."""
    heights = {id(line): height_of_line(line) for line in most_urgent(page.lines, MOST_ROWS)}
    for count in range(len(heights), 0, -1):
        listed = most_urgent(page.lines, count)
        taken = sum(heights[id(line)] for line in listed)
        if taken + height_of_sentence(unlisted_sentence(page, listed)) <= room:
            return listed
    return []


def with_pictures(page: StudyPage, available: Mapping[str, object], count: int) -> list[ImageLine]:
    """The lines whose annotated picture is shown: each picture once, at most so many."""
    worst: dict[str, ImageLine] = {}
    for line in sorted(page.lines, key=_urgency):
        if line.sop_instance_uid in available:
            worst.setdefault(line.sop_instance_uid, line)
    shown = {id(line) for line in list(worst.values())[:count]}
    return [line for line in page.lines if id(line) in shown]


def pictures_sentence(page: StudyPage, available: Mapping[str, object], shown: int) -> str:
    """How many pictures are here and why the others are not; empty where nothing is missing."""
    instances = {line.sop_instance_uid for line in page.lines}
    annotated = len(instances & available.keys())
    sentences = []
    if shown < annotated:
        sentences.append(
            f"{shown} of {annotated} annotated images are shown, the most suspicious ones; "
            f"{annotated - shown} are not shown."
        )
    if annotated < len(instances):
        sentences.append(f"{plural(len(instances) - annotated, 'image')} without annotation.")
    return " ".join(sentences)


def unlisted_sentence(page: StudyPage, listed: Sequence[ImageLine]) -> str:
    """What the table has no room for, by answer and reason; empty where all is listed."""
    kept = {id(line) for line in listed}
    missing = [line for line in page.lines if id(line) not in kept]
    if not missing:
        return ""
    groups = Counter(_group(line) for line in missing)
    told = "; ".join(f"{count} x {group}" for group, count in groups.items())
    return f"{plural(len(missing), 'more image')} not listed: {told}."


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _group(line: ImageLine) -> str:
    words = STATE_WORDS[line.state]
    if line.state is FindingState.NOT_ASSESSABLE:
        return f"{words} ({line.remark})"
    return words


def _urgency(line: ImageLine) -> tuple[int, float]:
    return _RANK.index(line.state), -(line.probability or 0.0)


def _line(image: ReportedImage) -> ImageLine:
    finding = image.finding
    side = _SIDES.get(laterality_of(image.header, finding.laterality) or "")
    return ImageLine(
        label=image.label,
        sop_instance_uid=finding.sop_instance_uid,
        state=finding.state,
        probability=finding.probability,
        place=_listed(_words(finding.region), side),
        kind=_listed(_type(finding), _words(finding.severity)),
        remark=_remark(finding),
        boxes=finding.boxes,
    )


def _remark(finding: ImageFinding) -> str:
    if finding.is_analysed:
        return _capital("; ".join(finding.notes))
    return _capital(finding.reason or "no reason given")


def _type(finding: ImageFinding) -> str | None:
    words = _words(finding.fracture_type)
    if words is None or finding.type_probability is None:
        return words
    return f"{words} {percentage(finding.type_probability)}"


def _words(term: str | None) -> str | None:
    return term.replace("_", " ") if term else None


def _listed(*parts: str | None) -> str:
    return _capital(", ".join(part for part in parts if part))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
