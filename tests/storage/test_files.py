"""Files arrive whole or not at all."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from storage import files, paths

OWNER = UUID("11111111-1111-4111-8111-111111111111")
TAKEN = datetime(1999, 12, 31, 23, 59, 59, 123456, tzinfo=UTC)


def all_files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def new_key() -> str:
    return paths.original(OWNER, uuid4(), "jpg")


@pytest.fixture
def small_volume(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "small volume"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a small volume")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_kept_file_has_its_bytes_checksum_and_date(tmp_path):
    incoming, key = files.Incoming(tmp_path), new_key()
    incoming.write(b"hello ", memoryview(b"wonderful "))
    incoming.write(b"world")
    incoming.keep(key, TAKEN)
    incoming.discard()

    path = paths.resolve(tmp_path, key)
    assert path.read_bytes() == b"hello wonderful world"
    assert incoming.size == 21
    assert incoming.checksum == hashlib.sha1(b"hello wonderful world").digest()
    assert path.stat().st_mtime_ns == 946684799_123456000
    assert all_files(tmp_path) == [key]


def test_an_empty_file_and_a_date_before_1970(tmp_path):
    incoming, key = files.Incoming(tmp_path), new_key()
    incoming.keep(key, datetime(1931, 1, 1, tzinfo=UTC))

    assert incoming.size == 0 and incoming.checksum == hashlib.sha1(b"").digest()
    assert paths.resolve(tmp_path, key).stat().st_mtime < 0


def test_a_discarded_file_leaves_nothing_and_takes_no_more(tmp_path):
    incoming = files.Incoming(tmp_path)
    incoming.write(b"x")
    assert len(all_files(tmp_path)) == 1

    incoming.discard()
    incoming.discard()

    assert all_files(tmp_path) == []
    with pytest.raises(ValueError):
        incoming.write(b"y")
    with pytest.raises(ValueError):
        incoming.keep(new_key(), TAKEN)


def test_keeping_never_overwrites(tmp_path):
    key, first, second = new_key(), files.Incoming(tmp_path), files.Incoming(tmp_path)
    first.write(b"first")
    second.write(b"second")
    first.keep(key, TAKEN)

    with pytest.raises(FileExistsError):
        second.keep(key, TAKEN)

    assert paths.resolve(tmp_path, key).read_bytes() == b"first"
    assert all_files(tmp_path) == [key]


def test_many_keep_one_key_and_one_wins(tmp_path):
    key, start = new_key(), threading.Barrier(8)

    def contend(number: int) -> bytes | None:
        incoming = files.Incoming(tmp_path)
        incoming.write(b"%d" % number)
        start.wait()
        try:
            incoming.keep(key, TAKEN)
        except FileExistsError:
            return None
        return b"%d" % number

    with ThreadPoolExecutor(8) as pool:
        won = [written for written in pool.map(contend, range(8)) if written]

    assert won == [paths.resolve(tmp_path, key).read_bytes()]
    assert all_files(tmp_path) == [key]


def test_a_key_outside_the_root_is_refused_and_nothing_stays(tmp_path):
    incoming = files.Incoming(tmp_path / "data")
    incoming.write(b"x")
    with pytest.raises(ValueError):
        incoming.keep("upload/../../evil.jpg", TAKEN)
    assert all_files(tmp_path) == []


def test_removing_prunes_folders_in_use_by_nobody(tmp_path):
    keys = [f"upload/{OWNER}/ab/cd/1.jpg", f"upload/{OWNER}/ab/ce/2.jpg"]
    for key in keys:
        files.write_atomically(tmp_path, key, b"x", durable=True)

    files.remove(tmp_path, keys[0])
    files.remove(tmp_path, keys[0])
    assert not (tmp_path / f"upload/{OWNER}/ab/cd").exists()
    assert all_files(tmp_path) == [keys[1]]

    files.remove(tmp_path, keys[1])
    assert (tmp_path / "upload").exists() and not (tmp_path / f"upload/{OWNER}").exists()


def test_keeping_and_removing_in_one_folder_at_once(tmp_path):
    """Pruning takes a folder away just as another file needs it."""

    def come_and_go(number: int) -> None:
        key = f"upload/{OWNER}/ab/cd/{number}.jpg"
        for _ in range(100):
            incoming = files.Incoming(tmp_path)
            incoming.write(b"x")
            incoming.keep(key, TAKEN)
            files.remove(tmp_path, key)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(come_and_go, range(4)))
    assert all_files(tmp_path) == []


@pytest.mark.parametrize("durable", [True, False])
def test_a_rendition_replaces_the_one_before(tmp_path, durable):
    key = paths.thumbnail(OWNER, uuid4())
    files.write_atomically(tmp_path, key, b"old", durable=durable)
    files.write_atomically(tmp_path, key, b"newer", durable=durable)

    assert paths.resolve(tmp_path, key).read_bytes() == b"newer"
    assert all_files(tmp_path) == [key]


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(small_volume):
    incoming = files.Incoming(small_volume)
    incoming.write(b"x" * 600_000)
    with pytest.raises(files.StorageFull):
        incoming.write(b"x" * 600_000)
    assert all_files(small_volume) == []

    key = paths.thumbnail(OWNER, uuid4())
    files.write_atomically(small_volume, key, b"small", durable=False)
    with pytest.raises(files.StorageFull):
        files.write_atomically(small_volume, key, b"x" * 2_000_000, durable=False)
    assert all_files(small_volume) == [key]


def test_a_disk_that_fills_up_while_keeping_leaves_nothing(tmp_path, monkeypatch):
    incoming = files.Incoming(tmp_path)
    incoming.write(b"x")

    def no_room(*_):
        raise OSError(28, "No space left on device")

    # Delayed allocation, NFS and quotas tell only here that there is no room.
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(files.StorageFull):
        incoming.keep(new_key(), TAKEN)
    assert all_files(tmp_path) == []


def test_discarding_while_a_write_runs(tmp_path):
    incoming = files.Incoming(tmp_path)
    incoming.write(b"x")
    started = threading.Event()

    def write_on() -> None:
        started.set()
        with pytest.raises(ValueError):
            while True:
                incoming.write(b"x" * 10_000)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_on)
        started.wait()
        incoming.discard()
        writing.result()
    assert all_files(tmp_path) == []
