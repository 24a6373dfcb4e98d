"""Which images the classifier is asked about."""

import pytest

from model.coverage import reason_not_covered


@pytest.mark.parametrize("modality", ["CR", "DX", "RG", "RF", "XA", "OT", "", " dx "])
@pytest.mark.parametrize("body_part", ["HAND", "ANKLE", "", "UPPERARM", "shoulder"])
def test_radiographs_of_limbs_are_analysed(modality: str, body_part: str) -> None:
    assert reason_not_covered(modality, body_part) is None


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "PX", "IO", "SR", "NM"])
def test_other_modalities_are_not(modality: str) -> None:
    assert reason_not_covered(modality, "HAND") == "modality is not a radiograph's"


@pytest.mark.parametrize(
    "body_part", ["CHEST", "chest", "CSPINE", "LSPINE", "SKULL", "RIBS", "ABDOMEN", "Chest PA"]
)
def test_trunk_and_head_are_not(body_part: str) -> None:
    assert reason_not_covered("DX", body_part) == "body part is not covered by the classifier"
