"""Durable first, told afterwards: the order in which the system was asked, seen by strace."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.faults.nursery import Nursery
from tests.faults.scene import Scene, broken_hand, scene_in, small_images
from tests.faults.servers_of_a_node import PROFILES, servers_for
from tests.faults.system_calls import Call, steps_in, traced

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.requirement("R-KEEP-1")]
ACKNOWLEDGED, ACKNOWLEDGED_IN_SOAK = 100, 1000
DURABLE = ["file synced", "file renamed", "folder synced"]


@pytest.fixture(scope="module", params=PROFILES)
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> Iterator[Scene]:
    """A listener alone."""
    folder = tmp_path_factory.mktemp("door")
    with (
        servers_for(request.param) as servers,
        scene_in(folder, nursery, "listener", **servers) as scene,
    ):
        yield scene


@pytest.fixture(params=PROFILES)
def scene(request: pytest.FixtureRequest, tmp_path: Path, nursery: Nursery) -> Iterator[Scene]:
    folder = tmp_path / "node"
    with servers_for(request.param) as servers, scene_in(folder, nursery, **servers) as scene:
        yield scene


@pytest.mark.parametrize(
    "count",
    [ACKNOWLEDGED, pytest.param(ACKNOWLEDGED_IN_SOAK, marks=pytest.mark.soak)],
)
def test_nothing_is_answered_before_it_is_durable(door: Scene, tmp_path: Path, count: int) -> None:
    images = small_images(f"order {count}", count)
    with traced(tmp_path / "trace", door.node.processes["listener"].pid):
        assert door.client.store(images) == [0x0000] * count
    steps = steps_in(tmp_path / "trace")
    seen = list(_before_each_answer(steps))
    assert len(seen) == count
    wrong = [one for one in seen if one != [*DURABLE, "committed"]]
    assert wrong == [], f"{len(wrong)} of {count}"


def test_nothing_is_sent_before_it_is_kept_nor_marked_before_it_is_answered(
    scene: Scene, tmp_path: Path
) -> None:
    [image] = study = broken_hand(f"order of {scene.node.port}")
    processes = [scene.node.processes[part].pid for part in ("reporter", "courier")]
    with traced(tmp_path / "trace", *processes):
        assert scene.client.store(study) == [0x0000]
        scene.settle_by_itself()
    steps = steps_in(tmp_path / "trace")
    sent = [number for number, call in enumerate(steps) if call.step == "request sent"]
    keys = _keys_of_what_was_sent(scene, str(image.StudyInstanceUID))
    assert len(sent) == len(keys) > 1
    for uid, key in keys.items():
        [at] = [number for number in sent if uid in steps[number].text]
        assert _is_kept(steps[:at], key), uid
    # Between two requests lies what notes the first one's answer: a commit, after the request.
    for before, after in zip(sent, [*sent[1:], len(steps)], strict=True):
        thread = _committing_thread(steps[before:after])
        assert thread is not None, "a request was not followed by the mark of its answer"


def _before_each_answer(steps: list[Call]) -> Iterator[list[str]]:
    """What the thread that kept the file did until the answer went out, repeats left out."""
    threads = {call.thread for call in steps if call.step == "file synced"}
    done: list[str] = []
    for call in steps:
        if call.step == "answer sent":
            yield list(dict.fromkeys(done))
            done = []
        elif call.thread in threads:
            done.append(call.step)


def _is_kept(steps: list[Call], key: str) -> bool:
    """Synced, renamed to its key, its folder synced, and then committed by the same thread."""
    renamed = [n for n, call in enumerate(steps) if f"/kept/{key[:2]}/{key}" in call.text]
    if not renamed:
        return False
    thread = steps[renamed[0]].thread
    before = [call.step for call in steps[: renamed[0]] if call.thread == thread]
    after = [call.step for call in steps[renamed[0] + 1 :] if call.thread == thread]
    return (
        before[-1:] == ["file synced"] and after[:1] == ["folder synced"] and ("committed" in after)
    )


def _committing_thread(steps: list[Call]) -> str | None:
    return next((call.thread for call in steps if call.step == "committed"), None)


def _keys_of_what_was_sent(scene: Scene, study_instance_uid: str) -> dict[str, str]:
    """Spool keys by SOP Instance UID."""
    question = (
        "SELECT o.sop_instance_uid, o.spool_key FROM delivery d"
        " JOIN result_object o ON o.id = d.sent_object_id JOIN report r ON r.id = o.report_id"
        " JOIN study s ON s.id = r.study_id WHERE s.study_instance_uid = :uid"
    )
    with scene.node.ledger.connect() as connection:
        rows = connection.execute(text(question), {"uid": study_instance_uid})
        return {str(uid): str(key) for uid, key in rows}
