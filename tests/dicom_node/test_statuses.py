"""C-STORE statuses: what a sender does with each answer of a peer."""

import pytest

from dicom_node.statuses import StoreStatus, Verdict, describe, verdict_on

ANSWERS = {
    0x0000: Verdict.STORED,
    0xB000: Verdict.STORED_WITH_WARNING,
    0xB006: Verdict.STORED_WITH_WARNING,
    0xB007: Verdict.STORED_WITH_WARNING,
    0x0111: Verdict.STORED_WITH_WARNING,
    0x0116: Verdict.STORED_WITH_WARNING,
    0x0110: Verdict.TRY_AGAIN,
    0xA700: Verdict.TRY_AGAIN,
    0xA7FF: Verdict.TRY_AGAIN,
    0xA900: Verdict.ASK_A_PERSON,
    0xA9FF: Verdict.ASK_A_PERSON,
    0xC000: Verdict.ASK_A_PERSON,
    0xCFFF: Verdict.ASK_A_PERSON,
    0x0122: Verdict.ASK_A_PERSON,
    0x0124: Verdict.ASK_A_PERSON,
    0x0117: Verdict.ASK_A_PERSON,
    0xFE00: Verdict.ASK_A_PERSON,
    0x1234: Verdict.ASK_A_PERSON,
}


@pytest.mark.parametrize(("status", "verdict"), ANSWERS.items())
def test_verdicts(status: int, verdict: Verdict) -> None:
    assert verdict_on(status) is verdict


@pytest.mark.parametrize("status", [*ANSWERS, *StoreStatus])
def test_every_status_has_words_and_its_code(status: int) -> None:
    assert f"0x{status:04X}" in describe(status)
