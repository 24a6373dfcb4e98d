"""An artefact's network in another format: written, compared, and kept only if it agrees."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from model.artefact import CARD, Artefact, hash_file
from model.card import Card
from model.classifier import FractureClassifier
from model.datasets.labelled import LabelledImage
from model.exporting.formats import open_export, write_network
from model.exporting.gate import gate_of
from model.exporting.kind import Kind, NotOffered, Rounding
from model.exporting.parity import (
    BOUNDS,
    Parity,
    compare,
    disagreement,
    labelled_files,
    parity,
    phantom_files,
)
from model.runtime import CpuPlan, OpenVinoRuntime

_MODE = 0o755


class ExportDisagrees(Exception):
    """The export does not say what the artefact says; it was not kept."""


class OutputTaken(Exception):
    """Something lies where the export would go."""


@dataclass(frozen=True, slots=True)
class Export:
    """What was written and how far its answers lie from the artefact's."""

    folder: Path
    files: tuple[str, ...]
    found: tuple[Parity, ...]


def export_artefact(
    artefact: Artefact, kind: Kind, out: Path, images: Sequence[LabelledImage] = ()
) -> Export:
    """Into the folder `out`, which may not exist or be empty; on refusal nothing is left there.

    The answers are compared on phantoms, and on labelled images where there are any.
    """
    if kind.rounding is not Rounding.FP32 and not images:
        raise NotOffered(f"{kind.rounding} is written only if labelled images bear it out: --data")
    with _kept_if_whole(out) as draft:
        names = write_network(artefact, kind, draft)
        found = _compared(artefact, kind, draft, images)
        for one in found:
            if (reason := disagreement(one, BOUNDS[kind.rounding])) is not None:
                raise ExportDisagrees(f"{kind.format} in {kind.rounding} was not kept: {reason}")
        card = _card(artefact.card, kind, found, {name: hash_file(draft / name) for name in names})
        (draft / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return Export(out, (*names, CARD), found)


@contextmanager
def _kept_if_whole(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its place at the end, or is gone."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputTaken(f"{out} is there already; name a folder that is new or empty")
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield draft
        draft.chmod(_MODE)
        draft.replace(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _compared(
    artefact: Artefact, kind: Kind, folder: Path, images: Sequence[LabelledImage]
) -> tuple[Parity, ...]:
    reference = FractureClassifier(
        artefact.card, OpenVinoRuntime(artefact, CpuPlan(precision="f32"))
    )
    candidate = FractureClassifier(artefact.card, open_export(artefact, kind, folder))
    on_phantoms = parity(compare(reference, candidate, phantom_files()), "phantoms")
    if not images:
        return (on_phantoms,)
    pairs = compare(reference, candidate, labelled_files(images))
    labels = [image.fractured for image in images]
    return on_phantoms, parity(pairs, "labelled images", labels)


def _card(card: Card, kind: Kind, found: Sequence[Parity], files: dict[str, str]) -> Card:
    """A lesser precision is recorded with what it changed on the labelled images."""
    lesser = kind.rounding is not Rounding.FP32
    gate = gate_of(found[-1], kind.rounding) if lesser else None
    return card.model_copy(update={"files": files, "serving": gate})
