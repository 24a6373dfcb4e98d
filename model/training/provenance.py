"""What the card says of where the weights come from, under which licences, and for what."""

from dataclasses import dataclass

from model.card import Source
from model.training.recipes import Recipe

NAME = "osteon"
_PURPOSE = "Research and evaluation: a second look at radiographs of"
_NO_DEVICE = "Not a medical device; no decision about a patient may rest on it."


@dataclass(frozen=True, slots=True)
class Origins:
    """The layouts of the data sets that a network was made from: they tell whose data they are."""

    images: str
    types: str | None = None  # of the images of known fracture types beside them


def is_fracatlas(layout: str) -> bool:
    """In either of its layouts."""
    return _KNOWN.get(layout) is _FRACATLAS


def intended_use(recipe: Recipe) -> str:
    """What the card says it is for."""
    parts = ", ".join(recipe.network.regions) or "the body parts it learned from"
    return f"{_PURPOSE} {parts}. {_NO_DEVICE}"


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
            use=f"start weights of the trunk{_unmoved(recipe)}",
        ),
    )


def _unmoved(recipe: Recipe) -> str:
    """Of layers that no phase moves."""
    held = recipe.network.kind == "localising" or recipe.phases.moving_share < 1
    return "; its first layers are unchanged" if held else ""


_START_WEIGHTS = {
    "mobilenet_v2": ("Apache-2.0", "google-coral test data"),
    "resnet18": ("BSD-3-Clause", "torchvision; a file without layer4 leaves that part at random"),
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
