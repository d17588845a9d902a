"""The janitor takes what nobody claims, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from storage import files, janitor, paths

OWNER = UUID("11111111-1111-4111-8111-111111111111")
REPOSITORY = Path(__file__).parents[2]
UPLOADER = """
import signal, sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from storage.files import Incoming
incoming = Incoming(Path(sys.argv[1]))
incoming.write(b"half a file")
print("written", flush=True)
signal.pause()
"""


def put(root: Path, count: int) -> list[str]:
    keys = [paths.original(OWNER, uuid4(), "jpg") for _ in range(count)]
    for key in keys:
        files.write_atomically(root, key, b"x", durable=False)
    return keys


def nobody(keys: list[str]) -> set[str]:
    return set()


def test_a_killed_upload_is_cleaned_up_and_a_living_one_is_not(tmp_path):
    living = files.Incoming(tmp_path)
    living.write(b"still coming")
    with subprocess.Popen(
        [sys.executable, "-c", UPLOADER, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE
    ) as uploader:
        assert uploader.stdout is not None and uploader.stdout.readline() == b"written\n"
        assert janitor.remove_abandoned(tmp_path) == 0
        uploader.send_signal(signal.SIGKILL)

    assert janitor.remove_abandoned(tmp_path) == 1
    assert janitor.remove_abandoned(tmp_path) == 0
    key = paths.original(OWNER, uuid4(), "jpg")
    living.keep(key, datetime(2020, 1, 1, tzinfo=UTC))
    assert paths.resolve(tmp_path, key).read_bytes() == b"still coming"


@pytest.mark.parametrize("top", ["thumbs", "profile"])
def test_abandoned_pictures_go_too_and_no_folder_is_fine(tmp_path, top):
    assert janitor.remove_abandoned(tmp_path) == 0
    left = tmp_path / top / ".incoming/left"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    assert janitor.remove_abandoned(tmp_path) == 1
    assert not left.exists()


def test_only_files_without_a_row_go(tmp_path):
    kept, orphans = put(tmp_path, 3), put(tmp_path, 2)
    orphans.append(paths.preview(OWNER, uuid4()))
    files.write_atomically(tmp_path, orphans[-1], b"x", durable=False)
    foreign = tmp_path / "upload/my own picture.jpg"
    foreign.write_bytes(b"mine")
    living = files.Incoming(tmp_path)
    living.write(b"x")

    removed = janitor.remove_unclaimed(
        tmp_path, lambda keys: set(keys) & set(kept), grace_seconds=-1
    )

    assert sorted(removed) == sorted(orphans)
    assert all(paths.resolve(tmp_path, key).exists() for key in kept)
    assert not any(paths.resolve(tmp_path, key).exists() for key in orphans)
    assert foreign.exists()
    assert living.size == 1 and any((tmp_path / "upload/.incoming").iterdir())
    living.discard()


def test_a_fresh_file_is_spared_whatever_the_date_of_the_photo(tmp_path):
    (key,) = put(tmp_path, 1)
    os.utime(paths.resolve(tmp_path, key), (0, 0))
    assert janitor.remove_unclaimed(tmp_path, nobody) == []
    assert paths.resolve(tmp_path, key).exists()


def test_an_error_of_the_database_deletes_nothing(tmp_path):
    keys = put(tmp_path, janitor._BATCH + 1)
    batches = 0

    def fails_at_the_second_batch(asked: list[str]) -> set[str]:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise ConnectionError("database is away")
        return set(asked[1:])

    with pytest.raises(ConnectionError):
        janitor.remove_unclaimed(tmp_path, fails_at_the_second_batch, grace_seconds=-1)
    assert all(paths.resolve(tmp_path, key).exists() for key in keys)


def test_an_empty_database_does_not_empty_the_disk(tmp_path):
    keys = put(tmp_path, 101)
    with pytest.raises(janitor.Implausible):
        janitor.remove_unclaimed(tmp_path, nobody, grace_seconds=-1)
    assert all(paths.resolve(tmp_path, key).exists() for key in keys)


def test_a_file_made_anew_meanwhile_is_spared(tmp_path):
    key = paths.preview(OWNER, uuid4())
    files.write_atomically(tmp_path, key, b"old", durable=False)

    def made_anew(asked: list[str]) -> set[str]:
        files.write_atomically(tmp_path, key, b"new", durable=False)
        return set()

    assert janitor.remove_unclaimed(tmp_path, made_anew, grace_seconds=-1) == []
    assert paths.resolve(tmp_path, key).read_bytes() == b"new"


def test_no_file_is_taken_between_its_birth_and_its_lock(tmp_path):
    """The janitor looks all the time while uploads begin: each of them must come through."""
    done = threading.Event()

    def keep_one(_: int) -> bool:
        key = paths.original(OWNER, uuid4(), "jpg")
        incoming = files.Incoming(tmp_path)
        incoming.write(b"x")
        incoming.keep(key, datetime(2020, 1, 1, tzinfo=UTC))
        return paths.resolve(tmp_path, key).read_bytes() == b"x"

    def clean() -> None:
        while not done.is_set():
            janitor.remove_abandoned(tmp_path)

    with ThreadPoolExecutor(6) as pool:
        cleaning = [pool.submit(clean) for _ in range(3)]
        try:
            kept = list(pool.map(keep_one, range(300)))
        finally:
            done.set()
        for cleaner in cleaning:
            cleaner.result()
    assert kept == [True] * 300
