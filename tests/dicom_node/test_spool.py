"""The spool: what it keeps is whole, private and under its own digest; the rest leaves no trace."""

import fcntl
import hashlib
import os
import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dicom_node.spool import (
    SHELVES,
    FileSpool,
    ObjectDamaged,
    ObjectGone,
    SpoolFull,
    SpoolUnavailable,
    _shelf_locked,
)


@pytest.fixture
def spool(tmp_path: Path) -> FileSpool:
    return FileSpool(tmp_path / "spool")


def incoming(spool: FileSpool) -> list[Path]:
    return list((spool.root / "incoming").iterdir())


@pytest.mark.parametrize("content", [b"", b"a", bytes(3_000_000)])
def test_what_is_written_is_read_back(spool: FileSpool, tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    kept = spool.write(content)
    assert kept == spool.write(source)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert kept.size_bytes == len(content)
    with spool.open(kept.key) as file:
        assert file.read() == content
    assert not incoming(spool)


def test_a_file_is_private_and_lies_in_a_folder_of_its_digest(spool: FileSpool) -> None:
    key = spool.write(b"pixels").key
    path = spool.root / "kept" / key[:2] / key
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_nothing_is_seen_of_an_object_before_it_is_kept(spool: FileSpool) -> None:
    being_written = spool.begin()
    being_written.write(b"half")
    with being_written.reopen() as file:
        assert file.read() == b"half"
    assert not list((spool.root / "kept").rglob("*/*"))
    being_written.discard()
    assert not incoming(spool)


def test_discarding_what_was_kept_does_no_harm(spool: FileSpool) -> None:
    written = spool.begin()
    written.write(b"whole")
    key = written.keep().key
    written.discard()
    with spool.open(key) as file:
        assert file.read() == b"whole"


def test_removed_is_gone_and_removing_again_is_no_error(spool: FileSpool) -> None:
    key = spool.write(b"x").key
    spool.remove(key)
    spool.remove(key)
    with pytest.raises(ObjectGone, match=f"{key} is gone"):
        spool.open(key)


def test_what_changed_on_the_disk_is_not_handed_on(spool: FileSpool) -> None:
    key = spool.write(b"a radiograph").key
    with spool.open_intact(key) as file:
        assert file.read() == b"a radiograph"
    (path,) = shelf_of(spool, key).glob(key)
    path.write_bytes(b"a radiogroph")
    with pytest.raises(ObjectDamaged, match=f"{key} is damaged"):
        spool.open_intact(key)


def test_what_was_written_just_now_is_not_removed(spool: FileSpool) -> None:
    """Its row may not be committed yet: the same bytes came again as they were purged."""
    key = spool.write(b"x").key
    assert not spool.remove(key, settled_seconds=60)
    age(spool, key, seconds=61)
    spool.write(b"x")
    assert not spool.remove(key, settled_seconds=60)
    age(spool, key, seconds=61)
    assert spool.remove(key, settled_seconds=60)
    assert spool.remove(key, settled_seconds=60)


def test_who_removes_waits_for_who_writes(spool: FileSpool) -> None:
    key = spool.write(b"x").key
    age(spool, key, seconds=61)
    with ThreadPoolExecutor(1) as others, _shelf_locked(shelf_of(spool, key), fcntl.LOCK_SH):
        removing = others.submit(spool.remove, key, settled_seconds=60)
        with pytest.raises(TimeoutError):
            removing.result(timeout=0.1)
        age(spool, key, seconds=0)
    assert removing.result(timeout=20) is False


def test_settled_objects_are_listed_by_shelf(spool: FileSpool) -> None:
    old, new = spool.write(b"old").key, spool.write(b"new").key
    age(spool, old, seconds=61)
    shelf_of(spool, old).joinpath("no-object").touch()
    listed = [
        key for shelf in range(SHELVES) for key in spool.settled_keys(shelf, settled_seconds=60)
    ]
    assert listed == [old]
    assert new not in listed


def shelf_of(spool: FileSpool, key: str) -> Path:
    return spool.root / "kept" / key[:2]


def age(spool: FileSpool, key: str, *, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(shelf_of(spool, key) / key, (moment, moment))


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 64 + "\n"])
def test_a_key_is_never_a_path(spool: FileSpool, key: str) -> None:
    for use in (spool.open, spool.remove):
        with pytest.raises(ValueError, match="SHA-256"):
            use(key)


def test_the_reserve_stays_free(tmp_path: Path) -> None:
    spool = FileSpool(tmp_path, reserve_bytes=1 << 60)
    with pytest.raises(SpoolFull):
        spool.begin()
    with pytest.raises(SpoolFull):
        spool.write(b"x")


def test_a_disk_that_refuses_is_unavailable_not_full(spool: FileSpool) -> None:
    (spool.root / "incoming").rmdir()
    with pytest.raises(SpoolUnavailable):
        spool.begin()


def test_a_spool_that_is_not_there_says_nothing_of_its_objects(
    spool: FileSpool, tmp_path: Path
) -> None:
    kept = spool.write(b"kept")
    spool.root.rename(tmp_path / "unmounted")
    with pytest.raises(SpoolUnavailable):
        spool.open(kept.key)


def test_the_sweep_takes_old_abandoned_files_only(spool: FileSpool) -> None:
    abandoned, recent = (spool.root / "incoming" / name for name in ("abandoned", "recent"))
    being_written = spool.begin()
    for path in (abandoned, recent):
        path.write_bytes(b"left by a writer that died")
    an_hour_ago = time.time() - 3600
    for path in incoming(spool):
        if path != recent:
            os.utime(path, (an_hour_ago, an_hour_ago))
    assert spool.sweep(older_than_seconds=60) == 1
    assert not abandoned.exists()
    assert recent.exists()
    being_written.write(b"still going")
    with spool.open(being_written.keep().key) as file:
        assert file.read() == b"still going"


def test_a_spool_travels_to_another_process(spool: FileSpool) -> None:
    key = spool.write(b"x").key
    copy: FileSpool = pickle.loads(pickle.dumps(spool))
    with copy.open(key) as file:
        assert file.read() == b"x"
