"""What the card says in words: origin, licences, purpose and limits."""

from dataclasses import dataclass

from model.card import Source
from model.training.recipes import Recipe

NAME = "osteon"
INTENDED_USE = (
    "Research and evaluation: a second look at radiographs of hands, legs, hips and shoulders. "
    "Not a medical device; no decision about a patient may rest on it."
)
LIMITS = (
    "This artefact was measured on no image outside its training source, and on no DICOM from a "
    "detector; 91 of 100 images it learned from have a long side under 512 pixels. They come from "
    "three hospitals in one country. On another source an earlier network lost 0.12 AUROC.",
    "Every one of the 75 training images with implants shows a fracture: metal by itself may raise "
    "the probability, and how often it raises a false alarm could not be measured.",
    "A study is called by its worst image: of 100 whole studies of two images 36 were called "
    "`possible` or more, of two hand images 84.",
    "Knows hand (with forearm and elbow), leg (with knee and ankle), hip and shoulder. Of other "
    "pictures noise, written pages and most slices are refused; the chests, necks and photographs "
    "that were tried are never said to show no fracture, but some get an answer with a note that "
    "they are unlike what was learned, and that answer means nothing.",
    "Refuses about one in twenty fractured radiographs of the source that helped to set the limit "
    "of what it knows; of your own it may refuse one in ten or more. The figures below are without "
    "such refusals.",
    "Of images of a hip alone 8 were fractured, of a shoulder alone 6: the rows of hip and "
    "shoulder are mostly images that show a leg or a hand too, and say little of either.",
    "One fracture in ten scores below a quarter of the whole images. Hairline and avulsion "
    "fractures were not measured apart.",
    "Of images with an oblique view alone the AUROC is 0.61 (19 fractured).",
    "On hands the point `possible` holds back little: 62 of 100 whole hands are called `possible` "
    "or more.",
    "Casts, healed fractures, children's growth plates and posture were not studied apart.",
    "Tells ten fracture types badly: one in three is right. They were learned from 914 pictures of "
    "another source whose rights are unverified and whose labels nobody checked.",
    "A probability holds for a mix with 18 % fractured images and 37 % hands. Where 5 % are "
    "fractured, 29 of 100 images called `fracture` have one and 17 of 100 called `possible` or "
    "more: calibrate on your own images first.",
    "`mild` says that little was marked, not that an injury is slight; most fractures get it.",
    "Boxes are cut from a heatmap and are larger than a reader's; a second fracture that is less "
    "bright than the first gets none.",
    "JPEG at quality 85 moves the probability by at most 0.16 in 95 of 100 images and by more in "
    "the rest, cutting 5 % off the picture by at most 0.3: either can change what it is called.",
    "The self-test phantoms were drawn like those it trained on: passing it says that the node "
    "works, not how well it reads patients.",
)


OTHER_LIMITS = (
    "Nobody looked for what it gets wrong: the figures above are all that is known of it.",
    "Patients, devices and labels of its images were not studied; elsewhere it may do much worse.",
)


@dataclass(frozen=True, slots=True)
class Origins:
    """The layouts of the data sets that a network was made from: they tell whose data they are."""

    images: str
    types: str | None = None  # of the images of known fracture types beside them


def limits(recipe: Recipe, origins: Origins) -> tuple[str, ...]:
    """What was found of the network that ships; of any other nobody knows."""
    found = recipe.name == "shipped" and _KNOWN.get(origins.images) is _FRACATLAS
    return LIMITS if found else OTHER_LIMITS


def sources(recipe: Recipe, origins: Origins) -> tuple[Source, ...]:
    """Everything the weights were made from."""
    return (
        _data_source(
            origins.images,
            "training and calibration, parted by groups of like images; resized",
        ),
        *_type_source(origins),
        *_trunk_source(recipe),
        *_phantom_source(recipe),
    )


_FRACATLAS = (
    "FracAtlas",
    "CC BY 4.0",
    "Abedeen et al., FracAtlas: a dataset for fracture classification, localization "
    "and segmentation of musculoskeletal radiographs, Sci Data 10:521 (2023), "
    "figshare doi 10.6084/m9.figshare.22363012",
)
_BONE_BREAK = (
    "Bone Break Classification",
    "CC BY 4.0 by its uploader's claim; the pictures look web-collected",
    "Kaggle and Roboflow; the pictures are not part of this project",
)
# By layout: name, licence, attribution.
_KNOWN = {"fracatlas": _FRACATLAS, "fracatlas-original": _FRACATLAS, "bone-break": _BONE_BREAK}
_UNKNOWN_LICENCE = "unknown: images given by whoever trained"


def _data_source(layout: str, use: str) -> Source:
    unknown = f"a data set of the layout {layout}", _UNKNOWN_LICENCE, "unknown"
    name, licence, attribution = _KNOWN.get(layout, unknown)
    return Source(name=name, licence=licence, attribution=attribution, use=use)


def _type_source(origins: Origins) -> tuple[Source, ...]:
    if origins.types is None:
        return ()
    use = "the fracture type head, and what another source's radiographs look like"
    return (_data_source(origins.types, use),)


def _trunk_source(recipe: Recipe) -> tuple[Source, ...]:
    if recipe.phases.from_scratch:
        return ()
    licence, attribution = _START_WEIGHTS.get(
        recipe.network.trunk, ("unknown: a file given by whoever trained", "unknown")
    )
    return (
        Source(
            name=f"{recipe.network.trunk}, ImageNet",
            licence=licence,
            attribution=attribution,
            use="start weights of the trunk; its first layers are unchanged",
        ),
    )


_START_WEIGHTS = {
    "mobilenet_v2": ("Apache-2.0", "google-coral test data"),
    "resnet18": ("BSD-3-Clause", "torchvision; four convolutions of layer4 start at random"),
}


def _phantom_source(recipe: Recipe) -> tuple[Source, ...]:
    if recipe.practice is None:
        return ()
    return (
        Source(
            name="Osteon phantoms",
            licence="Apache-2.0",
            attribution="rendered by this project",
            use=f"{recipe.practice.share:.0%} of training draws, half of them fractured",
        ),
    )
