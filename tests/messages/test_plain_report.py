"""The report in plain lines names who looked at what, as far as that differs."""

from dataclasses import replace

from messages.plain_report import plain_report
from tests.messages.messages_made import (
    FRACTURED,
    NOT_ASSESSED,
    OLDER,
    WITHOUT,
    finding_of,
)


def _named(lines: list[str]) -> list[str]:
    return [line.partition(", Osteon")[0] for line in lines if line.startswith("Algorithm")]


def test_one_network_is_named_once() -> None:
    lines = list(plain_report(finding_of(FRACTURED, WITHOUT)))
    assert _named(lines) == ["Algorithm: osteon-fracture 0.1.0"]
    assert not [line for line in lines if "by osteon" in line]


def test_two_networks_are_named_with_their_images_and_points() -> None:
    study = finding_of(WITHOUT, replace(FRACTURED, algorithm=OLDER), NOT_ASSESSED)
    lines = list(plain_report(study))
    counts = "1 by osteon-fracture 0.1.0, 1 by osteon-fracture 0.0.9"
    assert f"Images analysed by different models: {counts}" in lines
    looked = [line.rpartition("; ")[2] for line in lines if line.startswith("Image ")]
    assert looked[:2] == ["by osteon-fracture 0.1.0", "by osteon-fracture 0.0.9"]
    assert "by " not in looked[2]
    assert _named(lines) == [
        "Algorithm: osteon-fracture 0.1.0",
        "Algorithm: osteon-fracture 0.0.9",
    ]
    # They are those of the network above them.
    assert [line[:15] for line in lines[-4:-1]] == ["Algorithm: oste", *["Operating point"] * 2]


def test_where_nothing_was_analysed_the_network_in_use_is_named() -> None:
    lines = list(plain_report(finding_of(NOT_ASSESSED)))
    assert _named(lines) == ["Algorithm: osteon-fracture 0.1.0"]
