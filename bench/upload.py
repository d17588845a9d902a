"""Photos that come in, with the worker on, and films without, against the disk and SHA-1 alone."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bench.figures import Figure, Timer
from bench.library import populate, scratch_database, served, wait_until_sequenced
from bench.sending import make_photo, send

CONNECTIONS = 4
PHOTOS, PHOTO_BYTES = 400, 177_000
FILMS, FILM_BYTES = 24, 24_000_000


def measure() -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, 0)
        root = Path(folder)
        with served(dsn, root) as (url, _):
            with served(dsn, root, "media"):
                wait_until_sequenced(dsn)
                photo = _make_photo()
                upload_all(url, [photo + b"warm" + bytes([n]) for n in range(8)], "jpg")
                accepted, finished = _upload_photos(dsn, url, photo)
            films = _upload_films(url)
        limit = _write_alone(root)
    return [
        Figure("upload", f"photos of {PHOTO_BYTES // 1000} kB accepted", accepted, "files/s"),
        Figure("upload", f"photos of {PHOTO_BYTES // 1000} kB finished", finished, "files/s", 40),
        Figure("upload", "films of 24 MB", films, "MB/s"),
        Figure("upload", "read, SHA-1, write, fsync alone", limit, "MB/s"),
        Figure("upload", "films, of that", films / limit, "ratio", 0.6),
    ]


def _make_photo() -> bytes:
    """Of 1.5 megapixels, and as good as it can be in its size."""
    for quality in range(95, 20, -1):
        photo = make_photo(1500, 1000, quality=quality)
        if len(photo) <= PHOTO_BYTES:
            return photo
    raise AssertionError("The picture does not get small enough")


def _upload_photos(dsn: str, url: str, photo: bytes) -> tuple[float, float]:
    """Files a second until all are answered, and until all have their pictures."""
    with psycopg.connect(dsn, autocommit=True) as connection, Timer() as finish:
        with Timer() as accept:
            upload_all(url, [photo + n.to_bytes(4) for n in range(PHOTOS)], "jpg")
        while connection.execute(
            "SELECT EXISTS (SELECT 1 FROM asset WHERE thumbhash IS NULL)"
        ).fetchone() == (True,):
            time.sleep(0.02)
    return PHOTOS / accept.seconds, PHOTOS / finish.seconds


def _upload_films(url: str) -> float:
    """MB/s, without the worker, which would look at each."""
    film = random.randbytes(FILM_BYTES)
    with Timer() as timer:
        upload_all(url, [n.to_bytes(4) + film for n in range(FILMS)], "mp4")
    return FILMS * FILM_BYTES / 1e6 / timer.seconds


def upload_all(url: str, files: list[bytes], suffix: str) -> None:
    """Over kept connections, as many at a time as phones use."""

    def upload(number: int) -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for data in files[number::CONNECTIONS]:
            send(connection, data, suffix)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(upload, range(CONNECTIONS)))


def _write_alone(root: Path) -> float:
    """MB/s of the same bytes, in one process for each core."""
    source = root / "film"
    source.write_bytes(random.randbytes(FILM_BYTES))
    with ProcessPoolExecutor(os.cpu_count()) as pool, Timer() as timer:
        list(pool.map(_copy_film, [source] * FILMS, range(FILMS)))
    return FILMS * FILM_BYTES / 1e6 / timer.seconds


def _copy_film(source: Path, number: int) -> None:
    sha1 = hashlib.sha1()
    with source.open("rb") as reading, source.with_name(f"film{number}").open("wb") as writing:
        while block := reading.read(1 << 20):
            sha1.update(block)
            writing.write(block)
        writing.flush()
        os.fsync(writing.fileno())
    sha1.digest()
