"""What the report says of an image is what the ledger keeps of it, and who looked at it."""

from dataclasses import replace
from pathlib import Path

import pytest

from db.analyses import AnalysisRecord
from db.states import AnalysisState
from dicom_node.results.finding import AlgorithmIdentity
from model.artefact import WEIGHTS, hash_file, load_artefact
from worker.findings import FileImage, algorithm_in_use, algorithm_of, finding_of

IN_USE = AlgorithmIdentity("osteon-fracture", "0.2.0", {"specific": 0.6}, "ab12")
LOOKED = AnalysisRecord(AnalysisState.NONE, "osteon-fracture", "0.2.0", probability=0.1)
BEFORE = replace(LOOKED, model_version="0.1.0")
OTHER = replace(LOOKED, model_name="wrist-only")
NOT_LOOKED_AT = AnalysisRecord(AnalysisState.NOT_ANALYSED, reason="no image")


def test_algorithm_in_use_is_the_card_s_with_the_digest_of_its_weights(
    artefact_folder: Path,
) -> None:
    card = load_artefact(artefact_folder).card
    algorithm = algorithm_in_use(card)
    assert (algorithm.name, algorithm.version) == (card.name, card.version)
    assert algorithm.weights_digest == hash_file(artefact_folder / WEIGHTS)
    assert set(algorithm.operating_points) == {"specific", "sensitive"}


@pytest.mark.parametrize(
    ("record", "algorithm"),
    [
        (LOOKED, IN_USE),
        (BEFORE, AlgorithmIdentity("osteon-fracture", "0.1.0")),
        (OTHER, AlgorithmIdentity("wrist-only", "0.2.0")),
        (NOT_LOOKED_AT, None),
    ],
)
def test_only_the_algorithm_in_use_is_known_in_full(
    record: AnalysisRecord, algorithm: AlgorithmIdentity | None
) -> None:
    assert algorithm_of(record, IN_USE) == algorithm
    assert finding_of(FileImage(), record, IN_USE).algorithm == algorithm


def test_without_one_in_use_the_record_says_who_looked() -> None:
    found = finding_of(FileImage(), LOOKED)
    assert found.algorithm == AlgorithmIdentity("osteon-fracture", "0.2.0")
