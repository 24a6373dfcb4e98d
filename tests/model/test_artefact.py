"""An artefact is whole and unaltered, or it is not loaded."""

import json
import os
from pathlib import Path

import pytest

from model.artefact import (
    CARD,
    NETWORK,
    WEIGHTS,
    ArtefactDamaged,
    ArtefactMissing,
    bundled_artefact,
    hash_file,
    load_artefact,
)
from model.classifier import FractureClassifier


def test_a_whole_artefact_loads_with_its_card(small_artefact: Path) -> None:
    artefact = load_artefact(small_artefact)
    assert artefact.card.version == "0.0.1"
    assert artefact.card.regions == ("hand", "leg", "hip", "shoulder")
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
    assert {source.licence for source in card.sources} == {"CC BY 4.0", "Apache-2.0"}
    assert any("10.6084/m9.figshare.22363012" in source.attribution for source in card.sources)
    assert card.validation is not None and card.validation.auroc.value >= 0.9
    assert sum(path.stat().st_size for path in folder.iterdir()) < 12_000_000


def test_a_hash_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert hash_file(tmp_path / "a").startswith("ba7816bf8f01cfea")
