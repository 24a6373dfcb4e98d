"""The report as lines of plain text, for a receiver that shows nothing else."""

from collections.abc import Iterator

from dicom_node.results import codes
from dicom_node.results.equipment import PRODUCT, product_version
from dicom_node.results.finding import ImageFinding, StudyFinding
from dicom_node.results.report_wording import (
    NOT_VERIFIED,
    RESEARCH_USE,
    state_and_probability,
)
from messages.observations import image_label


def plain_report(study: StudyFinding) -> Iterator[str]:
    yield NOT_VERIFIED
    yield RESEARCH_USE
    yield f"Study: {state_and_probability(study.state, study.probability)}"
    yield f"{study.analysed_count} of {len(study.images)} images analysed"
    for image in study.images:
        yield f"{image_label(study, image)}: {_image(image)}"
    algorithm = study.algorithm
    yield f"Algorithm: {algorithm.name} {algorithm.version}, {PRODUCT} {product_version()}"
    for name, probability in sorted(algorithm.operating_points.items()):
        yield f"Operating point {name}: {100.0 * probability:.1f} %"


def _image(image: ImageFinding) -> str:
    """What was found and where, or why nothing was."""
    if not image.is_analysed:
        return f"not analysed, {image.reason or 'no reason given'}"
    said = [state_and_probability(image.state, image.probability), *_place(image)]
    return "; ".join([", ".join(said), *image.notes])


def _place(image: ImageFinding) -> Iterator[str]:
    region = codes.find_code(codes.REGIONS, image.region)
    side = codes.SIDES.get((image.laterality or "").strip().upper())
    yield from (code.meaning.lower() for code in (region, side) if code is not None)
