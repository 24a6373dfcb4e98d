"""The images of a study as a viewer asks for them: in order, with the latest answer to each."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from db.jobs import JobKind
from db.session import reading
from db.study_images import StudyImage, find_study_image, study_images
from tests.db.ledger import FRACTURE, NO_FRACTURE, analyse, claim, receive, received

HEAT = replace(FRACTURE, heatmap_key="heat", frame=2)


def images_of(engine: Engine, *, with_quarantined: bool = False) -> list[StudyImage]:
    with reading(engine) as session:
        return study_images(session, "1.2.3", with_quarantined=with_quarantined)


def test_images_come_in_reading_order_with_what_was_found(ledger: Engine) -> None:
    receive(
        ledger,
        received(1, instance_number=2, view_position="AP", rows=30, columns=20),
        received(2, instance_number=1, laterality="L"),
        received(3, is_image=False),
        received(4, study="9.9"),
        received(5, instance_number=3),
    )
    analyse(ledger, HEAT, NO_FRACTURE)
    second, first, third = images_of(ledger)
    assert [second.sop_instance_uid, first.sop_instance_uid] == ["1.2.3.1.2", "1.2.3.1.1"]
    assert (first.state, first.heatmap_key, first.frame) == ("fracture", "heat", 2)
    assert first.boxes == ({"x0": 1.0, "y0": 2.0, "x1": 3.0, "y1": 4.0, "score": 0.8},)
    assert (first.rows, first.columns, first.view_position) == (30, 20, "AP")
    assert (second.state, second.boxes, second.heatmap_key) == ("none", (), None)
    assert (third.state, third.probability, third.boxes) == ("waiting", None, ())


def test_an_image_kept_apart_is_shown_only_if_asked(ledger: Engine) -> None:
    receive(ledger, received(1), replace(received(1), sha256="other", spool_key="other"))
    claim(ledger, JobKind.ANALYSE)
    (shown,) = images_of(ledger)
    assert (shown.quarantine_reason, shown.spool_key) == (None, "spool-1.2.3-1")
    again, apart = images_of(ledger, with_quarantined=True)
    assert again == shown
    assert (apart.state, apart.spool_key) == ("quarantined", "other")
    assert apart.quarantine_reason is not None
    with reading(ledger) as session:
        uids = ("1.2.3", "1.2.3.1.1")
        assert find_study_image(session, *uids) == shown
        assert find_study_image(session, *uids, quarantined_id=apart.instance_id) == apart
        assert find_study_image(session, *uids, quarantined_id=shown.instance_id) is None


@pytest.mark.parametrize("uids", [("1.2.3", "1.2.3.1.9"), ("9.9", "1.2.3.1.1"), ("", "")])
def test_what_is_not_there_is_not_found(ledger: Engine, uids: tuple[str, str]) -> None:
    receive(ledger, received(1))
    with reading(ledger) as session:
        assert find_study_image(session, *uids) is None
