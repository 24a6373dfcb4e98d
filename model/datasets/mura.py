"""MURA: a folder per body part, patient and study; the study's name ends in its label."""

import re
from functools import partial
from pathlib import Path

from model.datasets.data_set import ImageUnfit, gather
from model.datasets.folder_words import region_named, split_named
from model.datasets.labelled import LabelledImage, flags_of
from model.datasets.layout import Labels, Layout
from model.datasets.tree import PICTURES, files_below

_STUDY = re.compile(r"study\d+_(positive|negative)", re.IGNORECASE)
_NOTES = (
    "MURA's positive means abnormal: fractures, but also hardware, arthrosis and other findings. "
    "A network trained on it as if it were 'fractured' learns another question.",
    "MURA names no test part; its valid part is called val here.",
)


def _root(folder: Path) -> Path:
    inner = folder / "MURA-v1.1"
    return inner if inner.is_dir() else folder


def _fits(folder: Path) -> bool:
    return any(any(_root(folder).glob(f"{part}/XR_*/patient*")) for part in ("train", "valid"))


def _read(folder: Path) -> Labels:
    root = _root(folder)
    files = [path for path in files_below(root, PICTURES) if _parts(root, path)]
    found = gather(files, Path, partial(_labelled_image, root))
    return Labels(found.images, found.dropped, _NOTES)


def _parts(root: Path, path: Path) -> tuple[str, ...]:
    """Split, body part, patient, study and file; empty for a file that lies elsewhere."""
    parts = path.relative_to(root).parts
    return parts if len(parts) == 5 and parts[1].startswith("XR_") else ()


def _labelled_image(root: Path, path: Path) -> LabelledImage:
    split, body_part, patient, study, _ = _parts(root, path)
    label, region = _STUDY.fullmatch(study), region_named(body_part)
    if label is None:
        raise ImageUnfit("the study's folder says neither positive nor negative")
    if region is None:
        raise ImageUnfit(f"the body part {body_part} is not one of MURA's")
    return LabelledImage(
        path=path,
        group=patient,
        split=split_named(split) or split,
        fractured=label[1].lower() == "positive",
        regions=flags_of(region),
    )


MURA = Layout(
    name="mura",
    signs="MURA: [MURA-v1.1/]train|valid/XR_…/patient…/study…_positive|negative/image….png",
    fits=_fits,
    read=_read,
)
