"""The words that folders and tables of data sets use for the same things."""

import re

from model.datasets.labelled import FRACTURE_TYPES

_FRACTURED = {
    *("fractured", "fracture", "fractures", "with fracture", "fracture present"),
    *("fractured bone", "fractured bones", "bone fracture", "broken", "broken bone"),
    *("positive", "pos", "yes"),
}
_NOT_FRACTURED = {
    *("not fractured", "non fractured", "nonfractured", "notfractured", "unfractured"),
    *("no fracture", "no fractures", "non fracture", "without fracture"),
    *("not broken", "unbroken", "intact", "normal", "normals", "healthy", "no finding"),
    *("negative", "neg", "no"),
}
_SPLITS = {
    **dict.fromkeys(("train", "training", "train set", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "val set", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "test set", "testset"), "test"),
}
# FracAtlas counts forearm and elbow to the hand, knee and ankle to the leg: so does the network.
_REGIONS = {
    **dict.fromkeys(("hand", "finger", "thumb", "wrist", "forearm", "elbow"), "hand"),
    **dict.fromkeys(("leg", "foot", "toe", "ankle", "knee", "tibia", "femur"), "leg"),
    **dict.fromkeys(("hip", "pelvis"), "hip"),
    **dict.fromkeys(("shoulder", "humerus", "clavicle", "scapula"), "shoulder"),
}
_TYPES = {name.replace("_", " "): name for name in FRACTURE_TYPES}
# Folders that only hold others.
_SHELVES = {"images", "image", "data", "dataset", "img", "imgs", "bone break classification"}


def plain(word: str) -> str:
    """A word without its case, hyphens, underscores and doubled spaces."""
    return " ".join(re.split(r"[\W_]+", word.casefold())).strip()


def says_fractured(word: str) -> bool | None:
    """Whether a folder's name says fractured or not; None: neither."""
    if plain(word) in _FRACTURED:
        return True
    return False if plain(word) in _NOT_FRACTURED else None


def split_named(word: str) -> str | None:
    """train, val or test, under its usual spellings."""
    return _SPLITS.get(plain(word))


def region_named(word: str) -> str | None:
    """The region that a body part belongs to; MURA writes XR_ before it."""
    return _REGIONS.get(plain(word).removeprefix("xr "))


def type_named(word: str) -> str:
    """A fracture type by one name, whether it is called "Hairline Fracture" or "hairline"."""
    kept = [part for part in plain(word).split() if part not in {"fracture", "fractures"}]
    if kept == ["dislocation"]:
        return "fracture_dislocation"
    bare = " ".join(kept)
    return _TYPES.get(bare, bare.replace(" ", "_"))


def is_known_type(word: str) -> bool:
    """Whether a folder's name is that of a fracture type, known to us or not."""
    words = plain(word).split()
    names_a_fracture = len(words) > 1 and "fracture" in words and says_fractured(word) is None
    return names_a_fracture or type_named(word) in FRACTURE_TYPES


def is_shelf(word: str) -> bool:
    """Whether a folder's name says nothing of what is in it."""
    return plain(word) in _SHELVES
