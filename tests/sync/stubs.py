"""Processes to kill: python -m tests.sync.stubs write|work, with DATABASE_URL in the environment.

`write` changes a library of its own for ever, and says what it has committed. `work` makes
metadata that costs nothing; an asset named `deadly` kills it.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from uuid import UUID

from sql import Database, Disconnected
from sync import sequencer, worker
from sync.operations import asset_metadata, assets, renditions, users
from sync.worker import Job, Record
from tests.sync.library import FOUND, an_upload, new_user


def say(*words: object) -> None:
    print(*words, flush=True)


async def write(database: Database) -> None:
    """`user ID` once, then lines as `uploaded ID`, each after its commit."""
    actor = await new_user(database, "Writer")
    say("user", actor.user_id)
    mine: list[UUID] = []
    while True:
        try:
            if len(mine) < 3 or random.random() < 0.5:
                upload = an_upload()
                async with database.write() as tx:
                    await assets.record_upload(tx, actor.user_id, upload)
                    await users.set_metadata(tx, actor.user_id, "onboarding", {"n": len(mine)})
                mine.append(upload.asset_id)
                say("uploaded", upload.asset_id)
            elif random.random() < 0.7:
                asset_id = random.choice(mine)
                async with database.write() as tx:
                    await asset_metadata.set_metadata(tx, actor, [(asset_id, "x", {})])
                    await assets.trash_assets(tx, actor, [asset_id])
                say("trashed", asset_id)
            else:
                asset_id = mine.pop(random.randrange(len(mine)))
                async with database.write() as tx:
                    await assets.delete_assets(tx, actor, [asset_id])
                say("deleted", asset_id)
        except Disconnected:
            await asyncio.sleep(0.05)  # What it was about may be committed or not; nobody knows.


async def work(database: Database) -> None:
    """`claimed ID` before the result of each job is recorded."""

    async def consume(job: Job) -> Record:
        say("claimed", job.entity_id)
        if job.facts["name"] == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.005)
        return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sequencer.pass_on(database))
        tasks.create_task(worker.run(database, {"metadata": consume}))


async def main(name: str) -> None:
    async with Database(os.environ["DATABASE_URL"], is_derived=name == "work") as database:
        await {"write": write, "work": work}[name](database)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
