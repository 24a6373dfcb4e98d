"""What follows from the SOP classes a destination accepts."""

from typing import Any

import pytest
from pydicom.uid import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
)

from dicom_node.ladder import Offered, Rung, Standing, Wishes, choose_rung
from dicom_node.results.result_object import ResultKind

SR3D, SR2D = str(Comprehensive3DSRStorage), str(ComprehensiveSRStorage)
SC, PDF = str(SecondaryCaptureImageStorage), str(EncapsulatedPDFStorage)
GSPS = str(GrayscaleSoftcopyPresentationStateStorage)

REPORT, STATE_1, STATE_2, CAPTURE_1, CAPTURE_2, SUMMARY, DOCUMENT = range(1, 8)
OFFERED = (
    Offered(REPORT, ResultKind.SR, (SR3D, SR2D)),
    Offered(STATE_1, ResultKind.GSPS, (GSPS,), image=1),
    Offered(STATE_2, ResultKind.GSPS, (GSPS,), image=2),
    Offered(CAPTURE_1, ResultKind.SC, (SC,), image=1),
    Offered(CAPTURE_2, ResultKind.SC, (SC,), image=2),
    Offered(SUMMARY, ResultKind.SUMMARY, (SC,)),
    Offered(DOCUMENT, ResultKind.PDF, (PDF,)),
)


def choose(*accepted: str, wishes: Wishes | None = None, **standing: Any) -> Rung:
    return choose_rung(OFFERED, frozenset(accepted), wishes or Wishes(), Standing(**standing))


@pytest.mark.parametrize(
    ("accepted", "sent", "name"),
    [
        (
            (SR3D, SR2D, GSPS, SC, PDF),
            {REPORT: SR3D, STATE_1: GSPS, STATE_2: GSPS, DOCUMENT: PDF},
            "Comprehensive 3D SR + presentation states + PDF",
        ),
        (
            (SR2D, GSPS, SC),
            {REPORT: SR2D, STATE_1: GSPS, STATE_2: GSPS},
            "Comprehensive SR + presentation states",
        ),
        (
            (SR3D, SC),
            {REPORT: SR3D, CAPTURE_1: SC, CAPTURE_2: SC, SUMMARY: SC},
            "Comprehensive 3D SR + secondary captures + a summary page",
        ),
        (
            (GSPS, SC),
            {CAPTURE_1: SC, CAPTURE_2: SC, SUMMARY: SC},
            "secondary captures + a summary page",
        ),
        ((SR3D,), {REPORT: SR3D}, "Comprehensive 3D SR"),
        ((GSPS,), {STATE_1: GSPS, STATE_2: GSPS}, "presentation states"),
        ((PDF,), {DOCUMENT: PDF}, "PDF"),
        ((), {}, ""),
    ],
)
def test_the_accepted_classes_decide(
    accepted: tuple[str, ...], sent: dict[int, str], name: str
) -> None:
    rung = choose(*accepted)
    assert (rung.sent, rung.name) == (sent, name)
    assert set(rung.sent) | set(rung.omitted) == {one.number for one in OFFERED}


def test_what_is_not_sent_has_its_reason() -> None:
    rung = choose(SR2D, GSPS, SC)
    assert rung.reason == (
        "does not accept Comprehensive 3D SR Storage, but Comprehensive SR Storage; "
        "accepts presentation states"
    )
    assert rung.omitted[CAPTURE_1] == "presentation states show it"
    assert rung.omitted[DOCUMENT] == "the destination does not accept PDF"


def test_an_image_without_a_presentation_state_goes_as_a_capture() -> None:
    colour = [one for one in OFFERED if one.number != STATE_2]
    rung = choose_rung(colour, frozenset({SR3D, GSPS, SC}), Wishes(), Standing())
    assert set(rung.sent) == {REPORT, STATE_1, CAPTURE_2}


def test_a_destination_may_ask_for_captures_too() -> None:
    wishes = Wishes(also=frozenset({ResultKind.SC, ResultKind.SUMMARY}))
    rung = choose(SR3D, GSPS, SC, wishes=wishes)
    assert set(rung.sent) == {REPORT, STATE_1, STATE_2, CAPTURE_1, CAPTURE_2, SUMMARY}


def test_a_study_without_a_fracture_goes_as_its_report_alone() -> None:
    rung = choose(SR3D, GSPS, SC, negative=True)
    assert set(rung.sent) == {REPORT}
    assert "report alone" in rung.reason
    with_pictures = choose(SR3D, SC, negative=True, wishes=Wishes(pictures_of_negatives=True))
    assert SUMMARY in with_pictures.sent


def test_what_is_asked_for_besides_the_report_of_a_negative_is_said() -> None:
    rung = choose(SR3D, GSPS, SC, PDF, negative=True)
    assert set(rung.sent) == {REPORT, DOCUMENT}
    assert "report alone" not in rung.reason
    assert rung.reason.endswith("as its report, with what the settings ask for besides")


def test_silence_never_means_normal() -> None:
    """Captures of a negative, made for another destination, are for that one alone."""
    rung = choose(SC, GSPS, negative=True)
    assert set(rung.sent) == {SUMMARY}
    assert rung.reason.endswith("a study without a fracture goes to this destination on one page")
    assert rung.omitted[CAPTURE_1] == rung.omitted[STATE_1] == rung.reason.split("; ")[-1]


def test_presentation_states_of_a_negative_are_better_than_nothing() -> None:
    assert set(choose(GSPS, negative=True).sent) == {STATE_1, STATE_2}


SHOWN = frozenset({ResultKind.SR, ResultKind.GSPS})
WHY_A_PAGE = [
    ({"before": SHOWN | {ResultKind.SUMMARY}}, "an earlier one would stay the newest"),
    ({"partial": True}, "an image was not assessed"),
    ({"negative": True, "partial": True}, "an image was not assessed"),
    ({"negative": True, "before": SHOWN}, "earlier pictures show what is not found any more"),
]


@pytest.mark.parametrize(("standing", "why"), WHY_A_PAGE)
def test_a_page_goes_besides_where_else_nobody_would_see_it(
    standing: dict[str, Any], why: str
) -> None:
    rung = choose(SR3D, GSPS, SC, **standing)
    pictures = set() if standing.get("negative") else {STATE_1, STATE_2}
    assert set(rung.sent) == {REPORT, SUMMARY} | pictures
    assert rung.reason.endswith(f"; a summary page besides: {why}")
    assert ("report alone" in rung.reason) is bool(standing.get("negative"))


def test_a_page_that_goes_anyway_needs_no_other_reason() -> None:
    assert "besides" not in choose(SR3D, SC, partial=True).reason
    wishes = Wishes(also=frozenset({ResultKind.SUMMARY}))
    assert "besides" not in choose(SR3D, GSPS, SC, wishes=wishes, partial=True).reason


def test_a_page_that_is_not_accepted_is_not_spoken_of() -> None:
    assert "besides" not in choose(SR3D, GSPS, partial=True).reason


def test_a_revision_without_new_pictures_is_still_one_shown_by_presentation_states() -> None:
    late = [one for one in OFFERED if one.image is None]
    takes = frozenset({SR3D, GSPS, SC})
    rung = choose_rung(late, takes, Wishes(), Standing(before=SHOWN))
    assert set(rung.sent) == {REPORT}
    assert rung.omitted[SUMMARY] == "presentation states show it"


def test_pictures_of_negatives_say_themselves_what_is_not_found() -> None:
    wishes = Wishes(pictures_of_negatives=True)
    assert SUMMARY not in choose(SR3D, GSPS, SC, wishes=wishes, negative=True, before=SHOWN).sent
