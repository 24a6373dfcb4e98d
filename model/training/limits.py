"""What the card says against a classifier because of how it was made and of what.

What its own figures say against it is derived from them: `model/evaluation/weak_points.py`.
"""

from collections.abc import Iterator

from model.training.provenance import Origins, is_fracatlas
from model.training.recipes import Recipe

OF_FRACATLAS = (
    "This artefact was measured on no image outside its training source, and on no DICOM from a "
    "detector; 91 of 100 images it learned from have a long side under 512 pixels. They come from "
    "three hospitals in one country. Elsewhere it will do worse; by how much nobody measured.",
    "Every one of the 75 training images with implants shows a fracture: metal by itself may raise "
    "the probability, and how often it raises a false alarm could not be measured.",
    "Of images of a hip alone 8 were fractured, of a shoulder alone 6: the rows of hip and "
    "shoulder are mostly images that show a leg or a hand too, and say little of either.",
    "Casts, hairline and avulsion fractures, healed fractures, children's growth plates and "
    "posture were not studied apart: the data do not tell them.",
)
OF_OTHER_DATA = (
    "Nobody looked for what it gets wrong: the figures are all that is known of it.",
    "Patients, devices and labels of its images were not studied; elsewhere it may do much worse.",
)
_OF_MURA = "It learned what MURA calls abnormal: hardware and worn joints as much as fractures."
_COVERED = (
    "What it never learned is recognised by how unlike it looks, which is a guess. Of other "
    "pictures noise, written pages and most slices are refused; the chests, necks and photographs "
    "that were tried are never said to show no fracture, but some get an answer with a note that "
    "they are unlike what was learned, and that answer means nothing. Of your own radiographs of "
    "limbs it may refuse one in ten or more; the figures are without such refusals."
)
_UNCOVERED = (
    "It answers for any picture: a chest, a skull or a photograph gets an answer too, which means "
    "nothing."
)
_HEATMAP = (
    "`mild` says that little was marked, not that an injury is slight; most fractures get it.",
    "Boxes are cut from a heatmap and are larger than a reader's; a second fracture that is less "
    "bright than the first gets none.",
)
_WEB_TYPES = (
    "Fracture types were learned from pictures of another source whose rights are unverified and "
    "whose labels nobody checked."
)
_PRACTICE = (
    "The self-test phantoms were drawn like those it trained on: passing it says that the node "
    "works, not how well it reads patients."
)


def limits(recipe: Recipe, origins: Origins) -> tuple[str, ...]:
    """In the order in which they matter to whoever reads the card."""
    return tuple(_limits(recipe, origins))


def _limits(recipe: Recipe, origins: Origins) -> Iterator[str]:
    yield from OF_FRACATLAS if is_fracatlas(origins.images) else OF_OTHER_DATA
    if origins.images == "mura":
        yield _OF_MURA
    network = recipe.network
    yield _COVERED if network.strangeness_directions > 0 else _UNCOVERED
    if network.kind == "localising":
        yield from _HEATMAP
    if network.types and "bone-break" in (origins.types, origins.images):
        yield _WEB_TYPES
    if recipe.practice is not None:
        yield _PRACTICE
