"""Two hundred names that would lead out of a folder: none names a file."""

from pathlib import Path

import pytest
from pydicom.uid import UID

from db.session import open_ledger
from dicom_node.spool import FileSpool
from dicom_node.statuses import StoreStatus
from tests.fuzzing.door import Door
from tests.fuzzing.draft import Draft
from tests.fuzzing.mutants import Mutant
from tests.fuzzing.seeds import Seed, seeds

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.requirement("R-DOOR-5")]
_UIDS = {"SOPInstanceUID": 0x00080018, "StudyInstanceUID": 0x0020000D, "SeriesUID": 0x0020000E}
_TARGETS = ("etc/passwd", "owned", "incoming/x", "kept/00/x", "ledger.sqlite", "con", "a\0b", "")
_WAYS = (
    "../{}",
    "../../../../../../{}",
    "/{}",
    "//{}",
    "..\\{}",
    "C:\\{}",
    "1.2.3/../{}",
    "1.2.3\0/../{}",
    "%2e%2e%2f{}",
    "..%c0%af{}",
    "~/{}",
    "file:///{}",
    "$(touch {})",
    "`touch {}`",
    "|{}",
    ";{}",
    "{}\n",
    "\r\n{}",
    "．．／{}",
    "\u202e{}",
    "1.2.3 x{}",
    ".{}",
    "-{}",
    "*{}",
    "{}" * 20,
    "{}\x1b[2J",
)
_NAMES = [way.format(*[target] * 20) for way in _WAYS for target in _TARGETS]


def test_no_uid_and_no_title_names_a_file(sqlite_ledger_url: str, tmp_path: Path) -> None:
    spool = tmp_path / "a" / "b" / "spool"
    door = Door(open_ledger(sqlite_ledger_url), FileSpool(spool))
    seed = next(iter(seeds()))
    before = _files(tmp_path)
    assert len(_NAMES) >= 200
    for number, name in enumerate(_NAMES):
        for tag in _UIDS.values():
            assert door.store(_named(seed, number, tag, name)) == StoreStatus.NOT_UNDERSTOOD, name
    assert _files(tmp_path) == before
    # A caller's title names nothing either: the object is kept under its digest.
    for number, name in enumerate(_NAMES):
        door.call_from(name)
        assert door.store(_named(seed, number, 0x00080060, "CR")) == StoreStatus.SUCCESS
    for path in _files(tmp_path) - before:
        assert path.parent.parent == spool / "kept"
        assert len(path.name) == 64


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _named(seed: Seed, number: int, tag: int, name: str) -> Mutant:
    identity = {_UIDS["SOPInstanceUID"]: f"2.25.{number}"}
    draft = Draft.of(seed, identity)
    draft.put(tag, b"UI" if tag in _UIDS.values() else b"CS", name.encode())
    return Mutant(
        seed=0,
        number=number,
        bred_from=seed.name,
        steps=(),
        sop_class_uid=seed.sop_class_uid,
        sop_instance_uid=UID(f"2.25.{number}"),
        study_instance_uid=UID("2.25.1"),
        transfer_syntax_uid=seed.transfer_syntax_uid,
        data=draft.encoded(),
    )
