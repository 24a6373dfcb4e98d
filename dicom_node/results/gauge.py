"""The bar from 0 to 100 % on which a page shows a probability and the operating points."""

from dicom_node.results.finding import FindingState
from dicom_node.results.study_page import StudyPage
from dicom_node.results.thumbnails import Area

# From each point up an image has this state.
OPERATING_POINTS = {"sensitive": FindingState.POSSIBLE, "specific": FindingState.FRACTURE}


def has_gauge(page: StudyPage) -> bool:
    return page.probability is not None and OPERATING_POINTS.keys() <= page.operating_points.keys()


def place_on(bar: Area, probability: float) -> float:
    return bar.left + min(max(probability, 0.0), 1.0) * bar.width


def beside(bar: Area, mark: float, width: float, gap: float) -> float:
    """Where words of this width begin: right of the mark where there is room, else left of it."""
    right = mark + gap
    return right if right + width <= bar.left + bar.width else mark - gap - width
