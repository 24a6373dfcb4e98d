"""The report as lines of plain text, for a receiver that shows nothing else."""

from collections.abc import Iterator

from dicom_node.results import codes
from dicom_node.results.equipment import PRODUCT, product_version
from dicom_node.results.finding import AlgorithmIdentity, ImageFinding, StudyFinding
from dicom_node.results.report_wording import (
    NOT_VERIFIED,
    RESEARCH_USE,
    different_models,
    state_and_probability,
)
from messages.observations import image_label


def plain_report(study: StudyFinding) -> Iterator[str]:
    yield NOT_VERIFIED
    yield RESEARCH_USE
    yield f"Study: {state_and_probability(study.state, study.probability)}"
    yield f"{study.analysed_count} of {len(study.images)} images analysed"
    yield from different_models(study)
    for image in study.images:
        yield f"{image_label(study, image)}: {_image(image, study)}"
    for algorithm in study.analysed_by or [study.algorithm]:
        yield from _algorithm(algorithm)


def _algorithm(algorithm: AlgorithmIdentity) -> Iterator[str]:
    """Its operating points stand below it, where they are known."""
    yield f"Algorithm: {algorithm.name} {algorithm.version}, {PRODUCT} {product_version()}"
    for name, probability in sorted(algorithm.operating_points.items()):
        yield f"Operating point {name}: {100.0 * probability:.1f} %"


def _image(image: ImageFinding, study: StudyFinding) -> str:
    """What was found and where, or why nothing was; by which model, if there were several."""
    if not image.is_analysed:
        return f"not analysed, {image.reason or 'no reason given'}"
    said = [state_and_probability(image.state, image.probability), *_place(image)]
    algorithm = image.algorithm_within(study.algorithm)
    looked = [f"by {algorithm.name} {algorithm.version}"] if different_models(study) else []
    return "; ".join([", ".join(said), *image.notes, *looked])


def _place(image: ImageFinding) -> Iterator[str]:
    region = codes.find_code(codes.REGIONS, image.region)
    side = codes.SIDES.get((image.laterality or "").strip().upper())
    yield from (code.meaning.lower() for code in (region, side) if code is not None)
