"""What the fault tests play in: a node of forks, a client that sends to it, a witness of both."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from dicom_node.phantom_study import Rendering, phantom_study
from tests.faults.forked_node import ForkedNode, forked_node
from tests.faults.nursery import Nursery
from tests.faults.shim import Shim
from tests.witness.client import Client
from tests.witness.studies import witness_study
from tests.witness.witness import AT_ANY_MOMENT, Witness

SETTLED_SECONDS = 90
_IDENTITY = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber")
_IDENTITY += ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")


@dataclass(frozen=True)
class Scene:
    """A node, its client, and the witness whose PACS the node's results go to."""

    node: ForkedNode
    client: Client
    witness: Witness

    @property
    def shim(self) -> Shim:
        return self.node.nursery.shim

    def settle(self) -> None:
        """Until all work is done, however long a hospital would wait; then I1 to I8."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            self.node.let_time_pass()
            try:
                self.witness.wait_until_settled(self.node.ledger_url, limit_seconds=3)
                break
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
        self.check()

    def settle_by_itself(self, limit_seconds: float = SETTLED_SECONDS) -> None:
        """The same, and time passes as it does."""
        self.witness.wait_until_settled(self.node.ledger_url, limit_seconds=limit_seconds)
        self.check()

    def check(self) -> None:
        self.node.spool.sweep(older_than_seconds=-1)
        assert self.witness.check(self.node.spool.root, self.node.ledger_url) == []

    def check_what_always_holds(self) -> None:
        self.node.spool.sweep(older_than_seconds=-1)
        violations = self.witness.check(self.node.spool.root, self.node.ledger_url, AT_ANY_MOMENT)
        assert violations == []


@contextmanager
def scene_in(folder: Path, nursery: Nursery, *parts: str, **settings: Any) -> Iterator[Scene]:
    """A node whose `parts` run (all where none is named), watched from its first instance on."""
    with (
        Witness(folder / "witness") as witness,
        forked_node(
            folder,
            nursery,
            *parts,
            **{"destinations": witness.sink.address, "quiet_seconds": 0.3} | settings,
        ) as node,
    ):
        witness.watch(node.ledger_url)
        yield Scene(node, witness.client(node.address), witness)


def broken_hand(name: str) -> list[Dataset]:
    """A study of one image of which the node keeps pictures, of a patient of its own."""
    [like] = witness_study(name, images=1)
    seed = sum(name.encode()) % 10_000
    study = phantom_study(seed, fractured=True, views=["ap"], rendering=Rendering(256, 208))
    for keyword in _IDENTITY:
        setattr(study[0], keyword, like[keyword].value)
    study[0].file_meta.MediaStorageSOPInstanceUID = like.SOPInstanceUID
    return study


def small_images(name: str, count: int) -> list[Dataset]:
    """Images that the network does not look at, all of one study."""
    return witness_study(name, images=count, looked_at=0)
