"""Mutants: a seed number and its own number make each, so that any can be made again."""

from dataclasses import dataclass
from functools import cache
from random import Random

from pydicom.uid import UID
from pynetdicom.dsutils import create_file_meta, encode_file_meta

from dicom_node.uids import IMPLEMENTATION_CLASS_UID
from tests.fuzzing.byte_steps import BYTE_STEPS
from tests.fuzzing.draft import Draft
from tests.fuzzing.element_steps import ELEMENT_STEPS, PIXEL_STEPS
from tests.fuzzing.pixel_steps import PACKING_STEPS
from tests.fuzzing.seeds import radiographs, seeds

_SOP_INSTANCE, _STUDY, _SERIES = 0x00080018, 0x0020000D, 0x0020000E
_STUDY_SIZE = 5
RADIOGRAPHS = 10_000_000
_STRUCTURAL = (ELEMENT_STEPS, PIXEL_STEPS, PACKING_STEPS)
# How many mutants are changed in their structure only, and how many in their bytes only.
_STRUCTURE_ONLY, _BYTES_ONLY = 0.65, 0.25


@dataclass(frozen=True)
class Mutant:
    """One input, and the C-STORE command it is sent with, which is sound."""

    seed: int
    number: int
    bred_from: str
    steps: tuple[str, ...]
    sop_class_uid: UID
    sop_instance_uid: UID
    study_instance_uid: UID
    transfer_syntax_uid: UID
    data: bytes

    @property
    def recipe(self) -> str:
        """How it came about, in words."""
        return f"{self.seed}/{self.number}: {self.bred_from}; {', '.join(self.steps)}"

    def file(self) -> bytes:
        """As a DICOM file with a sound file meta information."""
        return file_head(self.sop_class_uid, self.transfer_syntax_uid) + self.data


@cache
def file_head(sop_class_uid: UID, transfer_syntax_uid: UID) -> bytes:
    """Preamble, prefix and a sound file meta information."""
    meta = create_file_meta(
        sop_class_uid=sop_class_uid,
        sop_instance_uid=UID("2.25.1"),
        transfer_syntax=transfer_syntax_uid,
        implementation_uid=UID(IMPLEMENTATION_CLASS_UID),
    )
    return bytes(128) + b"DICM" + encode_file_meta(meta)


def mutant(seed: int, number: int) -> Mutant:
    """Those of the numbers from RADIOGRAPHS on are all bred from radiographs."""
    chance = Random(f"{seed}/{number}")
    seedling = chance.choice(seeds() if number < RADIOGRAPHS else radiographs())
    identity = {
        _SOP_INSTANCE: f"2.25.{seed}.{number}",
        _STUDY: f"2.25.{seed}.1.{number // _STUDY_SIZE}",
        _SERIES: f"2.25.{seed}.2.{number // _STUDY_SIZE}",
    }
    draft = Draft.of(seedling, identity)
    kind = chance.random()
    steps = [] if kind < _BYTES_ONLY else _change_structure(chance, draft)
    data = draft.encoded()
    if kind < _BYTES_ONLY or kind > _BYTES_ONLY + _STRUCTURE_ONLY:
        data = _change_bytes(chance, data, steps)
    return Mutant(
        seed=seed,
        number=number,
        bred_from=seedling.name,
        steps=tuple(steps),
        sop_class_uid=seedling.sop_class_uid,
        sop_instance_uid=UID(identity[_SOP_INSTANCE]),
        study_instance_uid=UID(identity[_STUDY]),
        transfer_syntax_uid=draft.transfer_syntax_uid,
        data=data,
    )


def _change_structure(chance: Random, draft: Draft) -> list[str]:
    steps = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        step = chance.choice(chance.choice(_STRUCTURAL))
        step(chance, draft)
        steps.append(step.__name__)
    return steps


def _change_bytes(chance: Random, data: bytes, steps: list[str]) -> bytes:
    for _ in range(chance.choice((1, 1, 2))):
        if data:
            step = chance.choice(BYTE_STEPS)
            data = step(chance, data)
            steps.append(step.__name__)
    return data
