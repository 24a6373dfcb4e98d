"""An artefact is whole and unaltered, or it is not loaded."""

import json
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from model.artefact import (
    CARD,
    NETWORK,
    WEIGHTS,
    ArtefactDamaged,
    ArtefactMissing,
    bundled_artefact,
    hash_file,
    load_artefact,
    write_card,
)
from model.card import Card
from model.classifier import FractureClassifier

pytestmark = pytest.mark.requirement("R-MODEL-1", "R-DOOR-5")


def test_a_whole_artefact_loads_with_its_card(small_artefact: Path) -> None:
    artefact = load_artefact(small_artefact)
    assert artefact.card.version == "0.0.1"
    assert artefact.card.network.regions == ("hand", "leg", "hip", "shoulder")
    assert artefact.card.validation is not None
    assert artefact.card.validation.images == 10


@pytest.mark.parametrize("name", [NETWORK, WEIGHTS])
def test_one_altered_byte_is_refused(altered: Path, name: str) -> None:
    content = bytearray((altered / name).read_bytes())
    content[len(content) // 2] ^= 1
    (altered / name).write_bytes(content)
    with pytest.raises(ArtefactDamaged, match=name):
        FractureClassifier.load(altered, "cpu")


@pytest.mark.parametrize("name", [NETWORK, WEIGHTS])
def test_a_missing_or_cut_file_is_refused(altered: Path, name: str) -> None:
    os.truncate(altered / name, 1000)
    with pytest.raises(ArtefactDamaged, match="altered"):
        load_artefact(altered)
    (altered / name).unlink()
    with pytest.raises(ArtefactDamaged, match="missing"):
        load_artefact(altered)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {}},
        {"files": {"../network.onnx": "0"}},
        {"calibration": {"slope": "steep"}},
        {"trunk": None},
        {"surprise": 1},
    ],
)
def test_a_card_that_is_not_one_is_refused(altered: Path, change: dict[str, object]) -> None:
    card = json.loads((altered / CARD).read_text())
    (altered / CARD).write_text(json.dumps(card | change))
    with pytest.raises(ArtefactDamaged):
        load_artefact(altered)


def _card(folder: Path) -> Card:
    return Card.model_validate_json((folder / CARD).read_text())


def _paths_of(part: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in part.items():
        yield (*above, name)
        if isinstance(value, dict) and name not in ("files", "recipe"):
            yield from _paths_of(value, (*above, name))


# What cards of before these fields were known do without, and what has a default.
_DISPENSABLE = {
    *("type_validation", "training", "serving", "shaken"),
    *("validation", "cross_validation"),
}


def test_a_card_that_lacks_a_field_is_refused(altered: Path) -> None:
    whole = json.loads((altered / CARD).read_text())
    needed = [path for path in _paths_of(whole) if _DISPENSABLE.isdisjoint(path)]
    assert ("calibration", "slope") in needed and ("name",) in needed
    for *above, last in needed:
        card = json.loads((altered / CARD).read_text())
        part = card
        for name in above:
            part = part[name]
        del part[last]
        spoiled = altered / "spoiled"
        spoiled.mkdir(exist_ok=True)
        (spoiled / CARD).write_text(json.dumps(card))
        with pytest.raises(ArtefactDamaged, match="not a card this version reads"):
            load_artefact(spoiled)


def test_a_network_that_tells_the_strange_needs_its_limits(tmp_path: Path) -> None:
    card = json.loads((bundled_artefact() / CARD).read_text())
    assert card["network"]["strangeness_directions"] > 0
    (tmp_path / CARD).write_text(json.dumps(card | {"coverage": None}))
    with pytest.raises(ArtefactDamaged, match="which are too strange"):
        load_artefact(tmp_path)


class _RunsCode:
    """Unpickled, it would leave a file behind."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.proof,)


@pytest.mark.parametrize("name", [NETWORK, WEIGHTS])
def test_a_pickle_under_another_name_is_refused_unopened(altered: Path, name: str) -> None:
    proof = altered / "code-ran"
    (altered / name).write_bytes(pickle.dumps(_RunsCode(proof)))
    write_card(altered, _card(altered))  # its hash is in the card
    with pytest.raises(ArtefactDamaged, match="pickle"):
        FractureClassifier.load(altered, "cpu")
    torch.save({"weights": torch.zeros(1)}, altered / name)
    write_card(altered, _card(altered))
    with pytest.raises(ArtefactDamaged, match="pickle"):
        FractureClassifier.load(altered, "cpu")
    assert not proof.exists()


def test_weights_whose_first_bytes_are_a_pickles_are_no_pickle(altered: Path) -> None:
    content = (altered / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    longer = 0x10280  # begins with 80 02 when the low bytes come first
    header = content[8 : 8 + length].ljust(longer)
    (altered / WEIGHTS).write_bytes(longer.to_bytes(8, "little") + header + content[8 + length :])
    write_card(altered, _card(altered))
    assert (altered / WEIGHTS).read_bytes()[:2] == b"\x80\x02"
    load_artefact(altered)


@pytest.mark.parametrize("name", ["weights.pt", "weights.PTH", "model.pkl", "pytorch_model.bin"])
def test_a_folder_that_holds_a_pickle_is_refused(altered: Path, name: str) -> None:
    (altered / name).write_bytes(b"")
    with pytest.raises(ArtefactDamaged, match="pickle"):
        load_artefact(altered)


@pytest.mark.parametrize(
    "content", [b"", b"\x02\0\0\0\0\0\0\0[]", b"\xff" * 9, b"cos\nsystem\n(S''\ntR."]
)
def test_weights_that_are_no_safetensors_are_refused(altered: Path, content: bytes) -> None:
    (altered / WEIGHTS).write_bytes(content)
    write_card(altered, _card(altered))
    with pytest.raises(ArtefactDamaged, match="no safetensors"):
        load_artefact(altered)


def test_a_card_that_is_no_json_or_absent_is_refused(altered: Path) -> None:
    (altered / CARD).write_bytes(b"\xff{")
    with pytest.raises(ArtefactDamaged):
        load_artefact(altered)
    (altered / CARD).unlink()
    with pytest.raises(ArtefactMissing):
        load_artefact(altered)


def test_the_bundled_artefact_is_whole_and_says_where_it_comes_from() -> None:
    folder = bundled_artefact()
    card = load_artefact(folder).card
    assert folder.name == f"{card.name}-{card.version}"
    licences = [source.licence for source in card.sources]
    assert all(licence.startswith(("CC BY 4.0", "Apache-2.0")) for licence in licences)
    assert any("10.6084/m9.figshare.22363012" in source.attribution for source in card.sources)
    assert card.cross_validation is not None
    assert card.cross_validation.auroc is not None and card.cross_validation.auroc.value >= 0.9
    assert sum(path.stat().st_size for path in folder.iterdir()) < 13_000_000


def test_a_hash_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a").startswith("ba7816bf8f01cfea")  # pragma: allowlist secret
