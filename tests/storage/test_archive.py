"""Archives that are made while they are sent: what is in them, and what they cost."""

from __future__ import annotations

import io
import logging
import os
import shutil
import struct
import subprocess
import tracemalloc
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest

from storage import archive
from storage.archive import Member, pack, unique_names

TAKEN = datetime(2024, 5, 6, 7, 8, 10, tzinfo=UTC)


@pytest.fixture
def put(tmp_path):
    """`put(name, data)`: a file, as a member of an archive."""
    numbers = count()

    def put(name, data=b"", modified_at=TAKEN):
        path = tmp_path / str(next(numbers))
        path.write_bytes(data)
        return Member(path, name, modified_at)

    return put


def unpack(data):
    """What is in it, each file checked against its sum."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def infos(data):
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        return opened.infolist()


def make(*members):
    return b"".join(pack(members))


def open_files():
    return len(os.listdir("/proc/self/fd"))


def test_files_come_out_as_they_went_in(put):
    members = {f"{size}.jpg": os.urandom(size) for size in (0, 1, 1000, 3 * archive.BLOCK_BYTES)}

    data = make(*(put(name, content) for name, content in members.items()))

    assert unpack(data) == members


def test_nothing_is_an_empty_archive():
    assert unpack(make()) == {}


@pytest.mark.skipif(not shutil.which("unzip"), reason="there is no unzip")
def test_unzip_takes_it(put, tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(make(put("a.jpg", b"a" * 5000), put("Été.jpg", b"b"), put("c.jpg")))

    result = subprocess.run(["unzip", "-t", str(path)], capture_output=True, check=False)

    assert result.returncode == 0, result.stdout


def test_files_are_stored_as_they_are(put):
    data = make(put("a.jpg", b"a" * 10_000))

    (info,) = infos(data)
    assert info.compress_type == zipfile.ZIP_STORED
    assert info.compress_size == info.file_size == 10_000


def test_names_are_of_any_language(put):
    data = make(put("Été 日本.jpg", b"a"))

    (info,) = infos(data)
    assert info.filename == "Été 日本.jpg"
    assert info.flag_bits & 0x800  # UTF-8


@pytest.mark.parametrize(
    "modified_at, stored",
    [
        (TAKEN, (2024, 5, 6, 7, 8, 10)),
        (TAKEN.astimezone(timezone(timedelta(hours=5))), (2024, 5, 6, 7, 8, 10)),
        (datetime(1907, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0)),
        (datetime(2040, 1, 1, tzinfo=UTC), (2040, 1, 1, 0, 0, 0)),
        (datetime(9999, 12, 31, tzinfo=UTC), (2107, 12, 31, 0, 0, 0)),
    ],
)
def test_files_keep_their_date(put, modified_at, stored):
    (info,) = infos(make(put("a.jpg", b"a", modified_at)))

    assert info.date_time == stored


def test_the_date_is_of_no_zone(put):
    (info,) = infos(make(put("a.jpg", b"a")))

    assert info.extra == struct.pack("<HHBi", 0x5455, 5, 1, int(TAKEN.timestamp()))


def test_what_is_too_large_for_zip_is_zip64(put, monkeypatch):
    """As if 4 GiB were a thousand bytes: sizes, places, and the place of the directory."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    members = {"small.jpg": b"a" * 900, "large.mov": b"b" * 5000, "after.jpg": b"c"}

    data = make(*(put(name, content) for name, content in members.items()))

    assert b"PK\x06\x06" in data  # end of central directory of zip64
    assert unpack(data) == members
    small, large, after = infos(data)
    assert (large.extract_version, after.extract_version) == (45, 45)
    assert small.extract_version < 45


def test_what_is_missing_is_left_out(put, caplog):
    gone, folder = put("b.jpg"), put("c.jpg")
    gone.path.unlink()

    with caplog.at_level(logging.WARNING):
        data = make(put("a.jpg", b"a"), gone, folder._replace(path=folder.path / "x"), put("d.jpg"))

    assert unpack(data) == {"a.jpg": b"a", "d.jpg": b""}
    assert str(gone.path) in caplog.text


def test_what_cannot_be_read_ends_the_archive(put):
    member = put("a.jpg")

    with pytest.raises(IsADirectoryError):
        make(member._replace(path=member.path.parent))


def test_memory_does_not_grow_with_the_files(put):
    large = put("a.mov")
    os.truncate(large.path, 64 << 20)

    tracemalloc.start()
    sizes = [len(block) for block in pack([large, *(put(f"{n}.jpg") for n in range(20))])]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(sizes) > 64 << 20
    assert max(sizes) < 2 * archive.BLOCK_BYTES
    assert peak < 8 << 20


def test_who_stops_asking_leaves_nothing_open(put):
    large = put("a.mov", bytes(4 * archive.BLOCK_BYTES))
    before = open_files()

    with closing(pack([large, put("b.jpg")])) as blocks:
        next(blocks)
        assert open_files() == before + 1

    assert open_files() == before


@pytest.mark.parametrize(
    "given, unique",
    [
        (["a.jpg", "b.jpg"], ["a.jpg", "b.jpg"]),
        (["a.jpg", "a.jpg", "a.jpg"], ["a.jpg", "a+1.jpg", "a+2.jpg"]),
        (["a+1.jpg", "a.jpg", "a.jpg"], ["a+1.jpg", "a.jpg", "a+2.jpg"]),
        (["a.jpg", "a.jpg", "a+1.jpg"], ["a.jpg", "a+1.jpg", "a+1+1.jpg"]),
        (["a.jpg", "A.JPG"], ["a.jpg", "A+1.JPG"]),
        (["\u00e9.jpg", "e\u0301.jpg"], ["\u00e9.jpg", "e\u0301+1.jpg"]),
        (["a.tar.gz", "a.tar.gz"], ["a.tar.gz", "a.tar+1.gz"]),
        (["a", "a"], ["a", "a+1"]),
        (["../../etc/passwd"], ["....etcpasswd"]),
        (["a\\b\0c\nd.jpg"], ["abcd.jpg"]),
        (['what? <1>:*|".jpg'], ["what 1.jpg"]),
        (["..", "", "a. "], ["unnamed", "unnamed+1", "a"]),
        (["CON.jpg", "com1", "console.jpg"], ["_CON.jpg", "_com1", "console.jpg"]),
        (["x" * 300 + ".jpg"], ["x" * 236 + ".jpg"]),
        (["a." + "x" * 300], ["a." + "x" * 238]),
    ],
)
def test_names_fit_into_one_folder(given, unique):
    assert list(unique_names(given)) == unique


def test_very_many_of_one_name_are_told_apart():
    names = list(unique_names(["a.jpg"] * 60_000))

    assert len(set(names)) == 60_000
    assert names[-1] == "a+59999.jpg"
