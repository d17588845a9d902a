"""Small ways to make users, assets and passes of the sequencer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sql import Database
from sync import sequencer
from sync.actor import Actor
from sync.operations import assets, users
from sync.operations.assets import Upload
from sync.operations.renditions import Metadata

SENT = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
FOUND = Metadata(
    file_created_at=SENT - timedelta(days=1),
    local_date_time=SENT.replace(tzinfo=None),
    width=40,
    height=30,
    description='a "quoted"\ttext',
    exif_image_width=30,
    exif_image_height=40,
    orientation="6",
    date_time_original=SENT,
    modify_date=SENT,
    time_zone="UTC+2",
    latitude=48.0,
    longitude=-16.25,
    make="Canon",
    model="EOS",
    lens_model="50mm",
    f_number=1.8,
    focal_length=50.0,
    iso=100,
    exposure_time="1/125",
    rating=3,
    fps=29.97,
)


def an_upload(checksum: bytes | None = None, **details: Any) -> Upload:
    asset_id = uuid4()
    stored = {
        "asset_id": asset_id,
        "type": "IMAGE",
        "original_key": f"upload/{asset_id}.jpg",
        "original_file_name": 'a "quoted"\tnäme\\.jpg',
        "checksum": (checksum or asset_id.bytes).ljust(20, b"\0"),
        "file_bytes": 1000,
        "file_created_at": SENT,
        "file_modified_at": SENT,
    }
    return Upload(**stored | details)


async def new_user(database: Database, name: str = "Alice", **details: Any) -> Actor:
    async with database.write() as tx:
        email = f"{name}.{uuid4().hex[:6]}@example.org"
        return Actor(await users.create_user(tx, email=email, name=name, **details))


async def new_asset(
    database: Database, actor: Actor, checksum: bytes | None = None, **details: Any
) -> UUID:
    async with database.write() as tx:
        return await assets.record_upload(tx, actor.user_id, an_upload(checksum, **details))


async def sequence(database: Database) -> int | None:
    async with database.session() as connection:
        return await sequencer.sequence(connection)


async def ask(database: Database, query: str, *values: object) -> list[dict[str, Any]]:
    async with database.read() as connection:
        return await (await connection.execute(query.encode(), values)).fetchall()


async def ask_one(database: Database, query: str, *values: object) -> Any:
    """The only value of the only row."""
    (row,) = await ask(database, query, *values)
    (value,) = row.values()
    return value


async def until(
    condition: Callable[[], Awaitable[Any]], *, is_met: Callable[[Any], Any] = bool
) -> Any:
    """What the condition answers, as soon as that is true."""
    async with asyncio.timeout(20):
        while True:
            if is_met(answer := await condition()):
                return answer
            await asyncio.sleep(0.003)
