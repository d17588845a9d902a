"""One user's files, and the workers that look at them."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from media.beside import sidecar_consumer, tag_consumer
from media.consumers import file_removal_consumer, metadata_consumer, thumbnail_consumer
from sql import Database
from storage import paths
from sync import sequencer, worker
from sync.operations import assets, users
from sync.operations.assets import Upload
from tests.media import pictures
from tests.media.pictures import scene

SENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class Library:
    """One user's files, and what becomes of them."""

    def __init__(self, database: Database, root: Path, owner_id: UUID) -> None:
        self.database, self.root, self.owner_id = database, root, owner_id

    async def upload(
        self, data: bytes, *, kind: str = "IMAGE", sidecar: bytes | None = None
    ) -> UUID:
        asset_id = uuid4()
        key = paths.original(self.owner_id, asset_id, "jpg")
        files = {key: data} | ({paths.sidecar(key): sidecar} if sidecar else {})
        for name, content in files.items():
            path = paths.resolve(self.root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        upload = Upload(
            asset_id=asset_id,
            type=kind,
            original_key=key,
            original_file_name="a.jpg",
            checksum=sha1(data + asset_id.bytes).digest(),
            file_bytes=len(data),
            file_created_at=SENT,
            file_modified_at=SENT,
            sidecar_key=paths.sidecar(key) if sidecar else None,
        )
        async with self.database.write() as tx:
            await assets.record_upload(tx, self.owner_id, upload)
        return asset_id

    async def work(self) -> None:
        """Everything that waits, and what follows from it."""
        consumers = {
            "metadata": metadata_consumer(self.database, self.root),
            "thumbnail": thumbnail_consumer(self.database, self.root),
            "sidecar": sidecar_consumer(self.database, self.root, None),
            "tag_sidecars": tag_consumer(),
            "file_removal": file_removal_consumer(self.root),
        }
        is_new = True
        while is_new:
            await self.deliver()
            done = [
                await worker.drain(self.database, queue, consumer)
                for queue, consumer in consumers.items()
            ]
            is_new = any(done)

    async def deliver(self) -> None:
        """What waits comes into its queues."""
        async with self.database.session() as connection:
            while await sequencer.sequence(connection) is not None:
                pass

    async def row(self, query: str, asset_id: UUID) -> dict[str, Any] | None:
        async with self.database.read() as connection:
            cursor = await connection.execute(query.encode(), {"id": asset_id})
            return await cursor.fetchone()

    async def asset(self, asset_id: UUID) -> dict[str, Any]:
        row = await self.row(
            "SELECT * FROM asset JOIN asset_exif ON asset_id = id WHERE id = %(id)s", asset_id
        )
        assert row is not None
        return row

    def renditions(self, asset_id: UUID) -> tuple[Path, Path]:
        keys = (paths.thumbnail(self.owner_id, asset_id), paths.preview(self.owner_id, asset_id))
        return paths.resolve(self.root, keys[0]), paths.resolve(self.root, keys[1])


@pytest.fixture
async def library(database: Database, tmp_path: Path) -> Library:
    async with database.write() as tx:
        owner_id = await users.create_user(tx, email="alice@example.com", name="Alice")
    return Library(database, tmp_path, owner_id)


@pytest.fixture
def portrait(tmp_path: Path) -> bytes:
    """A picture of 40 x 60 that lies on its side in the file."""
    path = tmp_path / "portrait.jpg"
    tags = pictures.exif(6)
    tags[0x010F] = "Canon"
    tags.get_ifd(0x8769)[0x9003] = "2020:06:01 12:00:00"
    tags.get_ifd(0x8769)[0x9011] = "+02:00"
    pictures.turned(scene(40, 60), 6).save(path, exif=tags.tobytes(), quality=90)
    return path.read_bytes()


@pytest.fixture
def jpeg(tmp_path: Path) -> Path:
    """A picture of 60 x 40 that says nothing of itself."""
    path = tmp_path / "a.jpg"
    scene(60, 40).save(path)
    return path
