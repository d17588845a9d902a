"""Films made over while they are watched: how soon they begin, and go on after a seek."""

from __future__ import annotations

import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

import psycopg

from bench.figures import Figure
from bench.library import HEADERS, populate, scratch_database, served, wait_until_sequenced
from bench.processes import peak_bytes
from bench.transcode import FPS, make_film
from bench.upload import upload_all

SECONDS, ROUNDS, FAR = 14, 5, 5
H264_720 = 5  # the variant's number
SETTING = "INSERT INTO setting (name, value) VALUES ('ffmpeg.realtime.enabled', 'true')"


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, 0)
            connection.execute(SETTING)
            connection.execute(
                "INSERT INTO setting (name, value) VALUES ('ffmpeg.transcode', '\"disabled\"')"
            )
        film = make_film(Path(folder) / "1080p.mov", 1920, 1080, seconds=SECONDS)
        root = Path(folder) / "data"
        with served(dsn, root) as (url, _), served(dsn, root, "media") as (_, worker):
            wait_until_sequenced(dsn)
            upload_all(url, [film.read_bytes()], "mov")
            asset_id = _await_picture(dsn)
            folder_url = f"{url}/api/assets/{asset_id}/video/stream"
            begun, sought = zip(*(_watch(folder_url) for _ in range(ROUNDS)), strict=True)
            peak = peak_bytes(worker)
    return [
        Figure("watch", "1080p to 720p, playlist to first segment", _ms(begun), "ms"),
        Figure("watch", "1080p to 720p, seek to segment", _ms(sought), "ms"),
        Figure("watch", "memory of the worker", peak / 1e6, "MB"),
    ]


def _await_picture(dsn: str) -> str:
    """Until nothing else is to be done; the film's id."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        while connection.execute("SELECT EXISTS (SELECT FROM job)").fetchone() == (True,):
            time.sleep(0.1)
        row = connection.execute("SELECT id FROM asset WHERE thumbhash IS NOT NULL").fetchone()
    assert row is not None, f"No picture of {SECONDS * FPS} was found"
    return str(row[0])


def _watch(folder: str) -> tuple[float, float]:
    """As a player does: seconds until the first two seconds are there, and those after a seek."""
    start = time.perf_counter()
    lines = _get(f"{folder}/main.m3u8").decode().splitlines()
    playlist = next(line for line in lines if f"/{H264_720}/" in line)
    below = f"{folder}/{playlist.rpartition('/')[0]}"
    for name in ("playlist.m3u8", "init.mp4", "seg_0.m4s"):
        _get(f"{below}/{name}")
    begun = time.perf_counter()
    _get(f"{below}/seg_{FAR}.m4s")
    sought = time.perf_counter()
    _get(below.rpartition("/")[0], method="DELETE")
    return begun - start, sought - begun


def _get(url: str, *, method: str = "GET") -> bytes:
    request = urllib.request.Request(url, headers=HEADERS, method=method)
    with urllib.request.urlopen(request) as answer:
        data: bytes = answer.read()
    return data


def _ms(times: tuple[float, ...]) -> float:
    return statistics.median(times) * 1000
