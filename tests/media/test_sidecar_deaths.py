"""Whoever writes a sidecar, killed before each line: there is the old one or the new one."""

from __future__ import annotations

from itertools import count
from uuid import UUID

import pytest

from media.beside import sidecar_consumer
from storage import janitor
from sync import worker
from sync.actor import Actor
from sync.operations import assets
from tests.fix_media import Library
from tests.media.dying_writer import Task, victims
from tests.media.test_sidecar import FOREIGN

pytestmark = pytest.mark.timeout(600)  # Many deaths, and maybe a busy machine.


async def say(library: Library, asset_id: UUID, **exif: object) -> None:
    async with library.database.write() as tx:
        await assets.update_assets(tx, Actor(library.owner_id), [asset_id], exif=exif)


@pytest.mark.parametrize("former", [FOREIGN.encode(), None], ids=["over another", "the first"])
async def test_a_sidecar_is_the_old_or_the_new(
    former: bytes | None, library: Library, dsn: str, portrait: bytes
) -> None:
    writer = sidecar_consumer(library.database, library.root, None)
    with victims() as children:
        for point in count():
            asset_id = await library.upload(portrait, sidecar=former)
            path = library.root / f"{(await library.asset(asset_id))['original_key']}.xmp"
            await say(library, asset_id, description="words")
            await library.deliver()

            is_killed = children.live(Task(dsn, str(library.root), point))
            left = path.read_bytes() if path.exists() else None
            await worker.drain(library.database, "sidecar", writer)

            said = path.read_bytes()
            assert b"words" in said
            assert left in (former, said)
            row = await library.row("SELECT * FROM asset_exif WHERE asset_id = %(id)s", asset_id)
            assert row is not None and not row["is_unwritten"]
            job = await library.row("SELECT 1 AS one FROM job WHERE queue = 'sidecar'", asset_id)
            assert job is None
            if not is_killed:
                break
    assert point > 40
    janitor.remove_abandoned(library.root)
    assert list(library.root.glob("*/.incoming/*")) == []


@pytest.mark.parametrize("is_said", [False, True])
async def test_what_another_program_laid_beside_is_gone_on_with(
    library: Library, portrait: bytes, is_said: bool
) -> None:
    asset_id = await library.upload(portrait)
    path = library.root / f"{(await library.asset(asset_id))['original_key']}.xmp"
    stars = 'xmp:Rating="2"'
    path.write_text(FOREIGN.replace(stars, 'xmp:Rating="3"') if is_said else FOREIGN)

    await say(library, asset_id, rating=3)
    await library.work()

    text = path.read_text()
    assert "darktable:history" in text
    assert stars not in text
    row = await library.row(
        "SELECT key FROM asset_file WHERE asset_id = %(id)s AND type = 'sidecar'", asset_id
    )
    assert row is not None and row["key"].endswith(".xmp")
