"""Films that are watched while they are made over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import pytest

from media.hls import Streaming
from sync import config
from tests.fix_server import Answer, Client
from tests.media import clocks


class Player:
    """Reads playlists as players do, with the credentials of a client."""

    def __init__(self, client: Client, film: str) -> None:
        self.client, self.film = client, film
        self.main = f"/api/assets/{film}/video/stream/main.m3u8"
        self.variants: dict[str, str] = {}

    async def begin(self) -> Player:
        answer = await self.client.get(self.main)
        assert answer.status == 200, answer.data
        lines = answer.data.decode().splitlines()
        self.variants = {
            urljoin(self.main, address): facts
            for facts, address in pairwise(lines)
            if facts.startswith("#EXT-X-STREAM-INF:")
        }
        return self

    @property
    def playlist(self) -> str:
        """The path of the first variant's."""
        return next(iter(self.variants))

    @property
    def session(self) -> str:
        return self.playlist.split("/")[-3]

    @property
    def session_path(self) -> str:
        return self.playlist.rsplit("/", 2)[0]

    async def list_segments(self) -> list[str]:
        """Paths: what comes before all of them is the first."""
        answer = await self.client.get(self.playlist)
        assert answer.status == 200, answer.data
        lines = answer.data.decode().splitlines()
        (init,) = [one.split('"')[1] for one in lines if one.startswith("#EXT-X-MAP")]
        names = [init, *(one for one in lines if one and not one.startswith("#"))]
        return [urljoin(self.playlist, name) for name in names]

    async def fetch(self, number: int) -> Answer:
        """A segment."""
        return await self.client.get(urljoin(self.playlist, f"seg_{number}.m4s"))


@pytest.fixture
def watch() -> Callable[[Client, str], Awaitable[Player]]:
    async def watch(client: Client, film: str) -> Player:
        return await Player(client, film).begin()

    return watch


@pytest.fixture
def clock_film(tmp_path) -> Callable[..., bytes]:
    """The bytes of a film that tells the time; see tests/media/clocks.py."""

    def clock_film(**details: object) -> bytes:
        path = Path(tmp_path) / "clock.mp4"
        clocks.film(path, **details)  # type: ignore[arg-type]
        return path.read_bytes()

    return clock_film


@pytest.fixture
async def start_worker(database, root):
    """A worker that makes films over, and heeds the settings there are now."""
    running: list[asyncio.Task[None]] = []

    async def start_worker() -> Streaming:
        streaming = Streaming(database, root, threads=2)
        async with database.read() as connection:
            streaming.follow((await config.load(connection)).ffmpeg)
        running.append(asyncio.create_task(streaming.run()))
        return streaming

    yield start_worker
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


@pytest.fixture
async def switched_on(admin):
    """With one form beside the film's own."""
    values = (await admin.get("/api/admin/config")).json
    values["ffmpeg"]["realtime"] = {
        "enabled": True, "resolutions": [480], "videoCodecs": ["h264"],
    }  # fmt: skip
    answer = await admin.put("/api/admin/config", values)
    assert answer.status == 200, answer.data


@pytest.fixture
async def realtime(switched_on, start_worker):
    """It is switched on, and a worker waits."""
    return await start_worker()
