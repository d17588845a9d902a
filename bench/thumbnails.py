"""Pictures made small, against libvips alone; and how long an app waits for them.

Rates and ratios are of the processor's time: what else the machine does hardly changes them. The
waits are of real processes, over HTTP and a socket.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pillow_heif
import psycopg
import pyvips  # type: ignore[import-untyped]
from PIL import Image

from bench.figures import Figure, percentile
from bench.library import HEADERS, populate, scratch_database, served, wait_until_sequenced
from bench.processes import cpu_seconds, family, peak_bytes
from bench.sending import make_photo, send
from bench.websocket import TEXT, Listener, frame, listen
from media import images

RUNS = 3
UPLOAD = "upload of 2 MP to on_upload_success"
LEAN_QUALITY = 60  # about as messengers send pictures: these are their own previews
PHOTOS = {"2 MP": (1632, 1224), "12 MP": (4032, 3024), "48 MP": (8064, 6048)}
SENSOR_BYTES = 4 << 20  # what lies around the preview in a RAW file
UPLOADS, EDITS, WARM_UPS = 30, 3, 5
SECONDS_MAX = 30.0
EVENT = re.compile(
    rb'42\["(?:on_upload_success",|AssetEditReadyV2",\{"asset":)\{"id":"([0-9a-f-]+)"'
)
GREETING = b"on_server_version"
QUARTER_TURN = {"edits": [{"action": "rotate", "parameters": {"angle": 90}}]}


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        photos = {f"JPEG, {name}": _make(Path(folder), *size) for name, size in PHOTOS.items()}
        whole = photos["JPEG, 12 MP"]
        figures = [
            *(one for name, path in photos.items() for one in _rate(name, path, _alone)),
            *_rate("HEIC, 12 MP", _make_heic(whole), _alone_heic),
            *_rate("RAW with a preview of 12 MP", _make_raw(whole), lambda _: _alone(whole)),
        ]
        photos["lean"] = _make(Path(folder), *PHOTOS["2 MP"], quality=LEAN_QUALITY)
        jpegs = {name: path.read_bytes() for name, path in photos.items()}
    return figures + _wait(jpegs)


def _rate(name: str, path: Path, alone: Callable[[Path], object]) -> list[Figure]:
    """Both in turns, so that both meet the same machine."""
    ours, theirs = [], []
    for _ in range(RUNS):
        ours.append(_cpu_seconds(images.render, path))
        theirs.append(_cpu_seconds(alone, path))
    return [
        Figure("thumbnails", name, 1 / min(ours), "pictures/s"),
        Figure("thumbnails", f"{name}, of libvips alone", min(theirs) / min(ours), "ratio", 0.8),
    ]


def _cpu_seconds(work: Callable[[Path], object], path: Path) -> float:
    """Of this process and those that it has pictures decoded in."""
    start, before = time.process_time(), _of_others()
    work(path)
    return time.process_time() - start + _of_others() - before


def _of_others() -> float:
    return sum(cpu_seconds(pid) for pid in family(os.getpid())[1:])


def _alone(path: Path) -> None:
    """The least that makes the same two files of a JPEG: no profile, no safety, no placeholder."""
    width, height = _box(images.form.settings.preview.size)
    whole = pyvips.Image.jpegload(str(path))
    shrink = next(n for n in (8, 4, 2, 1) if n == 1 or whole.height // n >= height)
    image = pyvips.Image.jpegload(str(path), shrink=shrink, access="sequential")
    _encode(image.thumbnail_image(width, height=height, size="down"))


def _alone_heic(path: Path) -> None:
    pixels = pyvips.Image.new_from_array(np.asarray(pillow_heif.open_heif(path)))
    width, height = _box(images.form.settings.preview.size)
    image = pixels.copy(interpretation="srgb")
    _encode(image.thumbnail_image(width, height=height, size="down"))


def _encode(shown: pyvips.Image) -> None:
    settings = images.form.settings
    shown = shown.copy_memory()
    shown.jpegsave_buffer(Q=settings.preview.quality, keep="none")
    width, height = _box(settings.thumbnail.size)
    small = shown.thumbnail_image(width, height=height, size="down")
    small.webpsave_buffer(Q=settings.thumbnail.quality, effort=images.WEBP_EFFORT, keep="none")


def _box(short_side: int) -> tuple[int, int]:
    """All of them are of 4 to 3."""
    return short_side * 4 // 3, short_side


def _wait(jpegs: dict[str, bytes]) -> list[Figure]:
    with scratch_database() as dsn, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(dsn) as connection:
            populate(connection, 0)
        root = Path(folder)
        with served(dsn, root) as (url, _), served(dsn, root, "media") as (_, worker):
            wait_until_sequenced(dsn)
            uploads, edits = asyncio.run(_wait_for_events(url, jpegs))
            peak = peak_bytes(worker)
    return [
        *_show(UPLOAD, uploads["JPEG, 2 MP"]),
        *_show(f"{UPLOAD}, lean", uploads["lean"]),
        Figure("thumbnails", "edit of 12 MP to AssetEditReadyV2", median(edits), "ms", 3000, True),
        Figure("thumbnails", "peak of the worker, after 48 MP", peak / 1e6, "MB"),
    ]


def _show(name: str, waits: list[float]) -> list[Figure]:
    return [
        Figure("thumbnails", f"{name}, p50", percentile(waits, 50), "ms", 40, is_cost=True),
        Figure("thumbnails", f"{name}, p99", percentile(waits, 99), "ms"),
    ]


async def _wait_for_events(
    url: str, jpegs: dict[str, bytes]
) -> tuple[dict[str, list[float]], list[float]]:
    """Milliseconds of uploads, of each sort, and of edits, one after the other."""
    heard: asyncio.Queue[float] = asyncio.Queue()
    address = f"{url}/api/socket.io/?EIO=4&transport=websocket"
    (transport,) = await listen(
        address,
        HEADERS,
        1,
        lambda: Listener(frame(TEXT, b"40"), GREETING, EVENT, lambda _, at: heard.put_nowait(at)),
    )

    async def clock(work: Callable[..., str], *arguments: object) -> tuple[str, float]:
        start = time.perf_counter()
        answer = await asyncio.to_thread(work, *arguments)
        async with asyncio.timeout(SECONDS_MAX):
            return answer, (await heard.get() - start) * 1000

    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    uploads: dict[str, list[float]] = {"JPEG, 2 MP": [], "lean": []}
    for number in range(WARM_UPS + UPLOADS):
        for name, waits in uploads.items():
            _, waited = await clock(send, connection, jpegs[name] + number.to_bytes(4))
            waits.append(waited)
    photo, _ = await clock(send, connection, jpegs["JPEG, 12 MP"])
    edits = [(await clock(_edit, connection, photo))[1] for _ in range(EDITS)]
    for number in range(2):
        await clock(send, connection, jpegs["JPEG, 48 MP"] + number.to_bytes(4))
    transport.close()
    return {name: waits[WARM_UPS:] for name, waits in uploads.items()}, edits


def _edit(connection: http.client.HTTPConnection, asset_id: str) -> str:
    body = msgspec.json.encode(QUARTER_TURN)
    headers = HEADERS | {"Content-Type": "application/json"}
    connection.request("PUT", f"/api/assets/{asset_id}/edits", body, headers)
    response = connection.getresponse()
    answer = response.read()
    assert response.status == 200, answer
    return asset_id


def _make(folder: Path, width: int, height: int, quality: int = 90) -> Path:
    path = folder / f"{width}-{quality}.jpg"
    path.write_bytes(make_photo(width, height, quality=quality))
    return path


def _make_heic(photo: Path) -> Path:
    path = photo.with_suffix(".heic")
    pillow_heif.from_pillow(Image.open(photo)).save(
        path, quality=60, enc_params={"preset": "ultrafast"}
    )
    return path


def _make_raw(photo: Path) -> Path:
    """Of a camera that nobody here has heard of, so that only its preview can be shown."""
    path = photo.with_suffix(".nef")
    around = np.random.default_rng(1).bytes(SENSOR_BYTES).replace(b"\xff\xd8", b"\0\0")
    path.write_bytes(around + photo.read_bytes())
    return path
