"""A library on a disk whose originals are moved to where the storage template says.

python -m tests.media.moving DSN ROOT does what there is to do.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from media.consumers import file_removal_consumer
from media.moves import move_consumer
from sql import Database
from storage import files, inspection, paths
from sync import sequencer, worker
from sync.operations import assets, jobs, storage_template, system
from sync.operations.assets import Upload
from sync.stream import settle

TAKEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
DAYS = "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}"
FIRST = UUID(int=0)
# All that rows say there is, and what is on the disk beside.
JOBS = "SELECT * FROM job WHERE queue IN ('storage_template', 'file_removal')"
CLAIMED = """SELECT original_key AS key FROM asset
    UNION ALL SELECT key FROM asset_file"""


class Home:
    def __init__(self, database: Database, root: Path) -> None:
        self.database, self.root = database, root

    async def set(self, **settings: object) -> None:
        changes = {f"storageTemplate.{name}": value for name, value in settings.items()}
        async with self.database.write() as tx:
            await system.change_config(tx, changes)

    async def upload(
        self,
        owner_id: UUID,
        data: bytes,
        name: str = "IMG.jpg",
        *,
        sidecar: bytes | None = None,
        **details: Any,
    ) -> UUID:
        asset_id = uuid4()
        key = paths.original(owner_id, asset_id, name.rpartition(".")[2])
        files.write_atomically(self.root, key, data, durable=False)
        if sidecar:
            files.write_atomically(self.root, paths.sidecar(key), sidecar, durable=False)
        given = {
            "type": "IMAGE",
            "file_created_at": TAKEN,
            "file_modified_at": TAKEN,
            "sidecar_key": paths.sidecar(key) if sidecar else None,
        }
        upload = Upload(
            asset_id=asset_id,
            original_key=key,
            original_file_name=name,
            checksum=sha1(data).digest(),
            file_bytes=len(data),
            **{**given, **details},
        )
        async with self.database.write() as tx:
            assert await assets.record_upload(tx, owner_id, upload) == asset_id
        return asset_id

    async def request(self) -> None:
        """Have everything moved."""
        after: UUID | None = FIRST
        while after:
            async with self.database.write() as tx:
                after = await jobs.request(tx, "storage_template", after, is_forced=False)

    async def move(self) -> None:
        await self.request()
        await self.work()

    async def work(self, *, number: int = 0, is_removing: bool = True) -> None:
        with ThreadPoolExecutor(2) as movers:
            consumers = self.consumers(movers)
            if not is_removing:
                del consumers["file_removal"]
            async with self.database.session() as connection:
                is_done = False
                while not is_done:
                    is_done = await sequencer.sequence(connection) is None
                    for queue, consumer in consumers.items():
                        await worker.drain(
                            self.database, queue, consumer, worker=number, concurrency=lambda: 4
                        )

    async def follow(self) -> None:
        """The same where somebody else sequences."""
        with ThreadPoolExecutor(2) as movers:
            await settle(self.database)
            while await self.query(f"{JOBS} AND dead_at IS NULL"):
                for queue, consumer in self.consumers(movers).items():
                    await worker.drain(self.database, queue, consumer, concurrency=lambda: 2)
                await settle(self.database)

    def consumers(self, movers: Executor) -> dict[str, worker.Consumer]:
        return {
            "storage_template": move_consumer(self.database, self.root, movers),
            "file_removal": file_removal_consumer(self.root),
        }

    async def clean(self) -> None:
        """What the janitor does, days later."""
        async with self.database.write() as tx:
            await tx.execute("UPDATE storage_name SET at = at - interval '3 days'")
            await storage_template.drop_stale(tx)
        await self.work()

    async def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            return await (await connection.execute(statement.encode(), values)).fetchall()

    async def execute(self, statement: str, *values: object) -> None:
        async with self.database.read() as connection:
            await connection.execute(statement.encode(), values)

    async def key(self, asset_id: UUID) -> str:
        (row,) = await self.query("SELECT original_key FROM asset WHERE id = %s", asset_id)
        return str(row["original_key"])

    async def place(self, asset_id: UUID) -> str:
        """Below the folder of its owner."""
        return (await self.key(asset_id)).split("/", 2)[2]

    async def claimed(self) -> list[str]:
        return sorted(row["key"] for row in await self.query(CLAIMED))

    def stored(self) -> list[str]:
        """The keys of all files."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        keys = (path.relative_to(self.root).as_posix() for path in found)
        return sorted(key for key in keys if key != inspection.WITNESS)

    async def assert_level(self) -> None:
        """Each row has its bytes, and each file its row; names are held for what is there."""
        rows = await self.query("SELECT original_key, checksum FROM asset")
        for row in rows:
            data = paths.resolve(self.root, row["original_key"]).read_bytes()
            assert sha1(data).digest() == row["checksum"]
        stored, claimed = set(self.stored()), set(await self.claimed())
        assert stored == claimed, f"{stored - claimed} nobody's, {claimed - stored} missing"
        names = await self.query("SELECT key, state FROM storage_name")
        placed = {row["original_key"] for row in rows if paths.is_placed(row["original_key"])}
        assert {row["key"] for row in names} == placed
        assert {row["state"] for row in names} <= {"settled"}
        assert (left := await self.query(JOBS)) == [], left


async def main(dsn: str, root: str) -> None:
    async with Database(dsn) as database:
        await Home(database, Path(root)).follow()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
