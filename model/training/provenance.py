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
    "Trained on radiographs of three hospitals in one country. In trials a like network lost 0.12 "
    "AUROC from unseen images of this source to those of another.",
    "Every one of the 67 training images with implants shows a fracture: metal by itself raises "
    "the probability.",
    "Knows hand (with forearm and elbow), leg (with knee and ankle), hip and shoulder. Of other "
    "pictures noise, written pages and most slices are refused; the chests, necks and photographs "
    "that were tried are never said to show no fracture, but some get an answer with a note that "
    "they are unlike what was learned, and that answer means nothing.",
    "Refuses about one in twenty radiographs of another source as unlike what it learned.",
    "Few hips and shoulders were seen, and too few to say how well it does there.",
    "Hairline and avulsion fractures of a few pixels are easily lost at 416 pixels: one fracture "
    "in ten scores like an ordinary image.",
    "On hands the point `possible` holds back little: 62 of 100 whole hands are called `possible` "
    "or more.",
    "Casts, healed fractures, children's growth plates and posture were not studied apart.",
    "Tells ten fracture types badly: one in three is right. They were learned from 914 pictures of "
    "another source whose rights are unverified and whose labels nobody checked; a type is shown "
    "only for the few pictures where three in five such answers were right.",
    "A probability holds for a mix with 18 % fractured images; elsewhere it needs calibration.",
    "Boxes are cut from a heatmap and are larger than a reader's; a second fracture that is less "
    "bright than the first gets none.",
    "Compressing a picture as JPEG (quality 85) moves its probability by up to 0.16, cropping it "
    "by 5 % by up to 0.3, for 95 in 100 images.",
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
        _data_source(origins.images, "training and calibration, parted by patient group; resized"),
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
