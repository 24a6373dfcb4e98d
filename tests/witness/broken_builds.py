"""Shows that the witness sees a broken node: each build here breaks one promise on purpose.

The node's source is copied, one thing in the copy is broken, and a node of that copy is put through
a scenario; the witness has to name the invariant. `python -m tests.witness.broken_builds` prints
the table of docs/witness.md, with `--only WORD` that of the builds whose name has the word; the
build that nothing is broken in has to pass all of them. Exit code 1: something was not seen.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.broken_source import COMMIT, MARK_AND_SEND, SEND, SourceBreak, commit_later
from tests.end_to_end.node import ROOT, Node, running_node
from tests.waiting import wait_for
from tests.witness.campaign import Scene, Servers, kill_decode_children, node_with_witness
from tests.witness.ledger import open_for_witness
from tests.witness.records import Violation
from tests.witness.studies import witness_study

_NOT_COPIED = ("__pycache__", "weights", "tests", "docs", ".git", ".venv", "*-data", "benchmarks")
_PATIENCE_SECONDS = 90
Scenario = Callable[[Scene], list[Violation]]


@dataclass(frozen=True)
class BrokenBuild:
    """With this change `scenario` shows that `invariant` does not hold."""

    name: str
    change: SourceBreak
    invariant: str
    scenario: Scenario


def listener_dies(scene: Scene) -> list[Violation]:
    """Killed at once after each acknowledgement, some times over."""
    client = scene.witness.client(scene.node.address)
    for number in range(4):
        assert client.store(witness_study(f"dies-{number}", images=1)) == [0]
        scene.node.kill("listener")
        scene.node.start("listener")
        scene.node.wait_until_listening()
    return _check(scene, only=("I1", "I2"))


def studies_pass(scene: Scene) -> list[Violation]:
    """Two studies, one after the other, and nothing fails."""
    client = scene.witness.client(scene.node.address)
    for number in range(2):
        client.insist(witness_study(f"pass-{number}", images=1), limit_seconds=_PATIENCE_SECONDS)
        _settle(scene)
    return _check(scene)


def answers_are_dropped(scene: Scene) -> list[Violation]:
    """The PACS keeps the first two objects without an answer: they are sent again."""
    scene.witness.sink.drop_answers(2)
    client = scene.witness.client(scene.node.address)
    client.insist(witness_study("dropped", images=1), limit_seconds=_PATIENCE_SECONDS)
    _settle(scene)
    return _check(scene)


def pacs_is_full(scene: Scene) -> list[Violation]:
    """The PACS is out of resources at first (A701)."""
    sink = scene.witness.sink
    sink.answer(0xA701)
    client = scene.witness.client(scene.node.address)
    client.insist(witness_study("full", images=1), limit_seconds=_PATIENCE_SECONDS)
    wait_for(sink.arrivals, "an attempt", _PATIENCE_SECONDS)
    time.sleep(1)
    sink.answer(0x0000)
    _settle(scene)
    return _check(scene)


def analyst_sleeps(scene: Scene) -> list[Violation]:
    """It is stopped at its work for longer than its lease, another does the work, it goes on."""
    node = scene.node
    node.kill("analyst")
    client = scene.witness.client(node.address)
    client.insist(witness_study("sleeps", images=1), limit_seconds=_PATIENCE_SECONDS)
    node.start("analyst")
    wait_for(lambda: _claims(scene) == 1, "the first claim", _PATIENCE_SECONDS)
    node.processes["analyst"].send_signal(signal.SIGSTOP)
    sleeper = node.processes["sleeper"] = node.processes.pop("analyst")
    node.start("analyst")
    wait_for(lambda: _claims(scene) == 2, "the second claim", _PATIENCE_SECONDS)
    sleeper.send_signal(signal.SIGCONT)
    _settle(scene)
    # Loading its network, the sleeper may come to its result after the other one.
    wait_for(lambda: _has_tried(scene), "what the sleeper brings", _PATIENCE_SECONDS)
    return _check(scene)


def decode_children_die(scene: Scene) -> list[Violation]:
    """Every decode child is killed as it starts: what is decoded all the same was so by the worker.

    A bad file would take the worker with it.
    """
    client = scene.witness.client(scene.node.address)
    [image] = witness_study("decoded", images=1)
    client.insist([image], limit_seconds=_PATIENCE_SECONDS)
    uid = str(image.SOPInstanceUID)
    while not (reason := _reason_of(scene, uid)):
        kill_decode_children(scene.node)
        time.sleep(0.02)
    if "the decoder was killed" in reason:
        return []
    return [Violation("I3", uid, f"was decoded ({reason}) though every decode child was killed")]


_RENAME = "                self._path.rename(final_path)\n"
_RENAME_LATER = """                import threading

                late = self._path.with_suffix(".late")
                self._path.rename(late)
                threading.Timer(0.5, late.rename, [final_path]).start()
"""
_FENCE = """        Job.id == claim.job_id,
        Job.state == JobState.RUNNING,
        Job.fence_token == claim.fence_token,
"""
_OTHER_BYTES = """

def _altered(kitchen, key):
    import io
    import time

    with kitchen.spool.open(key) as stream:
        word = f"Oste{time.monotonic_ns() % 100:02}".encode()
        return io.BytesIO(stream.read().replace(b"Osteon", word))
"""
_DECODE = "kitchen.decoder.decode(_read(kitchen, subject.spool_key))"
_DECODE_HERE = "_decoded_here(_read(kitchen, subject.spool_key))"
_DECODED_HERE = """

def _decoded_here(encoded):
    import io

    from model.radiograph import read_dicom

    return read_dicom(io.BytesIO(encoded), 1 << 30)
"""
_COPY = "    result = copy_patient_and_study(source)\n"
_COPY_FIRST = """    first = globals().setdefault("_first", source)
    result = copy_patient_and_study(first)
    result.StudyInstanceUID = source.StudyInstanceUID
"""
_STORE, _SPOOL = "dicom_node/store_service.py", "dicom_node/spool.py"
_HEADER, _DELIVERING = "dicom_node/results/header.py", "worker/delivering.py"
BUILDS = [
    BrokenBuild(
        "0000 before the commit",
        SourceBreak(_STORE, COMMIT, commit_later(0.5)),
        "I1",
        listener_dies,
    ),
    BrokenBuild(
        "0000 before the file has its place",
        SourceBreak(_SPOOL, _RENAME, _RENAME_LATER),
        "I1",
        listener_dies,
    ),
    BrokenBuild(
        "no fence",
        SourceBreak("db/jobs.py", _FENCE, "        Job.id == claim.job_id,\n"),
        "I5",
        analyst_sleeps,
    ),
    BrokenBuild(
        "decoding in the worker",
        SourceBreak("worker/examination.py", _DECODE, _DECODE_HERE, _DECODED_HERE),
        "I3",
        decode_children_die,
    ),
    BrokenBuild(
        "an SR with another patient", SourceBreak(_HEADER, _COPY, _COPY_FIRST), "I6", studies_pass
    ),
    BrokenBuild(
        "sent again with other bytes",
        SourceBreak(
            _DELIVERING,
            "partial(kitchen.spool.open, stored.spool_key)",
            "partial(_altered, kitchen, stored.spool_key)",
            _OTHER_BYTES,
        ),
        "I4",
        answers_are_dropped,
    ),
    BrokenBuild(
        "marked as sent before it is",
        SourceBreak(_DELIVERING, SEND, MARK_AND_SEND),
        "I4",
        pacs_is_full,
    ),
]


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.witness.broken_builds")
    parser.add_argument("--only", default="", help="a word of the builds' names")
    parser.add_argument("--sound", action="store_true", help="the scenarios on an unbroken build")
    options = parser.parse_args(words)
    chosen = [build for build in BUILDS if options.only in build.name]
    unseen = 0
    print("| Broken | Scenario | The witness has to name | It names |\n|---|---|---|---|")
    for build in chosen:
        found = sorted({one.invariant for one in try_build(build, is_sound=options.sound)})
        is_seen = not found if options.sound else build.invariant in found
        unseen += not is_seen
        scenario = build.scenario.__name__.replace("_", " ")
        named = ", ".join(found) or "nothing"
        print(f"| {build.name} | {scenario} | {build.invariant} | {named} |", flush=True)
    return 1 if unseen else 0


def try_build(build: BrokenBuild, *, is_sound: bool = False) -> list[Violation]:
    """What the witness finds; `is_sound`: in the same scenario, with nothing broken."""
    with tempfile.TemporaryDirectory(prefix="osteon-broken-") as folder:
        source = Path(folder) / "source"
        shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*_NOT_COPIED))
        if not is_sound:
            build.change.apply(source)
        [network] = (ROOT / "model" / "weights").glob("osteon-*")
        run = partial(running_node, source=source, model_dir=network)
        with node_with_witness(Path(folder) / "node", Servers.HOSPITAL, run=run) as scene:
            return build.scenario(scene)


def _settle(scene: Scene) -> None:
    scene.witness.wait_until_settled(scene.node.ledger_url, limit_seconds=_PATIENCE_SECONDS)


def _check(scene: Scene, only: tuple[str, ...] | None = None) -> list[Violation]:
    node: Node = scene.node
    node.stop_all()
    node.spool.sweep(older_than_seconds=-1)
    chosen = {} if only is None else {"only": only}
    return scene.witness.check(node.spool.root, node.ledger_url, **chosen)


def _claims(scene: Scene) -> int:
    with open_for_witness(scene.node.ledger_url) as ledger:
        claims = ledger.values("SELECT fence_token FROM job WHERE kind = 'analyse'")
        return int(max(claims, default=0))


def _has_tried(scene: Scene) -> bool:
    """The sleeper's result was refused, or written a second time."""
    written = "SELECT count(*) FROM witness_trace WHERE what = 'result' AND kind = 'analyse'"
    with open_for_witness(scene.node.ledger_url) as ledger:
        return "ClaimLost" in scene.node.log("analyst") or ledger.values(written)[0] > 1


def _reason_of(scene: Scene, sop_instance_uid: str) -> str:
    """Why the image has no finding, which says that it was decoded, or not; empty: not yet."""
    with open_for_witness(scene.node.ledger_url) as ledger:
        reasons = ledger.values(
            "SELECT coalesce(a.reason, a.state) FROM analysis a"
            " JOIN instance i ON i.id = a.instance_id"
            f" WHERE i.sop_instance_uid = '{sop_instance_uid}'"
        )
    return str(reasons[0]) if reasons else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
