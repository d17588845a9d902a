"""What is uploaded, and what has come of it."""

from __future__ import annotations

from pathlib import Path

import aiohttp

from server import witness

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 20
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
NOW = {"fileCreatedAt": "2024-05-06T07:08:09.123Z", "fileModifiedAt": "2024-05-06T09:08:09+02:00"}


def stored(root: Path) -> dict[str, bytes]:
    """Every file below the data folder, temp files too, by its key; but for the log's witness."""
    files = (path for path in root.rglob("*") if path.is_file())
    keys = {path.relative_to(root).as_posix(): path for path in files}
    return {key: path.read_bytes() for key, path in keys.items() if key != witness.KEY}


async def count_rows(database) -> int:
    async with database.read() as connection:
        cursor = await connection.execute("SELECT count(*) AS count FROM asset")
        return (await cursor.fetchone())["count"]


async def send(client, *parts: tuple, headers=None, **fields: str):
    """A form of (name, bytes, file name) and fields; in that order, as parts may come in any."""
    form = aiohttp.FormData()
    for name, data, file_name in parts:
        form.add_field(name, data, filename=file_name, content_type="application/octet-stream")
    for name, value in fields.items():
        form.add_field(name, value)
    if not parts:
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in fields.items():
            form.add_field(name, value)
    return await client.call("POST", "/api/assets", data=form, headers=headers or {})


async def show(client, answer):
    return (await client.get(f"/api/assets/{answer.json['id']}")).json


async def assert_nothing_came(database, root):
    assert await count_rows(database) == 0
    assert stored(root) == {}
