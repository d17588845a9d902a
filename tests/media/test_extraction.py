"""From a picture with a film inside to two assets, each with its file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from hashlib import sha1
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from media import extraction
from sql import Database, reads
from storage import files, janitor, paths
from sync.actor import Actor
from sync.operations import live_photos, renditions, users
from tests.fix_media import Library
from tests.media import phones

PHOTOS = Path("../shared/photos/formats")
needs_photos = pytest.mark.skipif(not PHOTOS.exists(), reason="the folder of real photos is absent")


@pytest.fixture
async def library(database: Database, tmp_path: Path) -> Library:
    async with database.write() as tx:
        owner_id = await users.create_user(tx, email="alice@example.com", name="Alice")
    return Library(database, tmp_path / "data", owner_id)


@pytest.fixture
def inside(tmp_path: Path) -> bytes:
    return phones.clip(tmp_path)


async def film_of(library: Library, still_id: UUID) -> dict[str, Any]:
    still = await library.asset(still_id)
    return await library.asset(still["live_photo_video_id"])


def bytes_of(library: Library, asset: dict[str, Any]) -> bytes:
    return paths.resolve(library.root, asset["original_key"]).read_bytes()


def stored(library: Library) -> set[str]:
    """The originals there are, and what is on its way."""
    top = library.root / paths.ORIGINALS
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}


async def again(library: Library, *asset_ids: UUID) -> None:
    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, asset_ids)
    await library.work()


FORMS: dict[str, Callable[[Path, bytes], bytes]] = {
    "Google's first": lambda _, inside: phones.google_first(inside),
    "Google's second": lambda _, inside: phones.google_second(inside),
    "Samsung's JPEG": lambda _, inside: phones.samsung_jpeg(inside),
    "Samsung's HEIC": lambda folder, inside: phones.samsung_heic(phones.heic(folder), inside),
}


@pytest.mark.parametrize("form", FORMS)
async def test_the_film_becomes_an_asset(
    form: str, library: Library, inside: bytes, tmp_path: Path
) -> None:
    picture = FORMS[form](tmp_path, inside)
    still_id = await library.upload(picture)

    await library.work()

    still, film = await library.asset(still_id), await film_of(library, still_id)
    assert bytes_of(library, film) == inside
    assert bytes_of(library, still) == picture
    assert (film["checksum"], film["file_bytes"]) == (sha1(inside).digest(), len(inside))
    assert (film["type"], film["visibility"], film["is_extracted"]) == ("VIDEO", "hidden", True)
    assert (film["owner_id"], film["original_file_name"]) == (library.owner_id, "a.mp4")
    assert "encoded-video" in film["original_key"]
    assert film["file_modified_at"] == still["file_modified_at"]
    # It is a film as any other: with its own facts and pictures.
    assert (film["duration_ms"], film["width"], film["height"]) == (1000, 64, 48)
    assert film["thumbhash"] and still["thumbhash"]
    assert all(path.exists() for path in library.renditions(film["id"]))


async def test_reading_it_again_changes_nothing(library: Library, inside: bytes) -> None:
    still_id = await library.upload(phones.google_second(inside))
    await library.work()
    film, before = await film_of(library, still_id), stored(library)

    await again(library, still_id, film["id"])

    assert (await film_of(library, still_id))["id"] == film["id"]
    assert stored(library) == before


async def test_two_pictures_with_one_film_share_it(library: Library, inside: bytes) -> None:
    ids = [await library.upload(phones.google_first(inside, shade=shade)) for shade in (1, 2)]

    await library.work()

    first, second = [await film_of(library, still_id) for still_id in ids]
    assert first["id"] == second["id"]
    assert len(stored(library)) == 3


async def test_a_film_that_was_sent_before_is_used(library: Library, inside: bytes) -> None:
    still_id = await library.upload(phones.google_first(inside))
    sent = await library.upload(inside, kind="VIDEO")
    async with library.database.write() as tx:
        await tx.execute(
            "UPDATE asset SET checksum = %s WHERE id = %s", [sha1(inside).digest(), sent]
        )

    await library.work()

    film = await film_of(library, still_id)
    assert (film["id"], film["visibility"], film["is_extracted"]) == (sent, "hidden", False)
    assert len(stored(library)) == 2


async def test_a_lost_file_is_taken_out_again(library: Library, inside: bytes) -> None:
    still_id = await library.upload(phones.google_first(inside))
    await library.work()
    film = await film_of(library, still_id)
    files.remove(library.root, film["original_key"])

    await again(library, still_id)

    assert (await film_of(library, still_id))["id"] == film["id"]
    assert bytes_of(library, film) == inside


async def test_a_lost_film_returns_to_the_disk_it_was_moved_to(
    library: Library, inside: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    still_id = await library.upload(phones.google_first(inside))
    await library.work()
    film = await film_of(library, still_id)
    files.remove(library.root, film["original_key"])
    moved = "UPDATE asset SET original_key = 'library/a/b.mp4' WHERE id = %(id)s RETURNING id"
    await library.row(moved, film["id"])
    rename = os.rename

    def within_a_disk(source: Path, target: Path) -> None:
        if source.relative_to(library.root).parts[0] != target.relative_to(library.root).parts[0]:
            raise OSError(errno.EXDEV, "another disk")
        rename(source, target)

    monkeypatch.setattr(os, "rename", within_a_disk)
    await again(library, still_id)

    assert (library.root / "library/a/b.mp4").read_bytes() == inside


async def test_what_somebody_linked_is_not_even_copied(library: Library, inside: bytes) -> None:
    still_id = await library.upload(phones.google_first(inside))
    sent = await library.upload(phones.clip(library.root.parent, 1), kind="VIDEO")
    async with library.database.write() as tx:
        await live_photos.link_live_photo(tx, Actor(library.owner_id), still_id, sent)

    await library.work()

    assert (await film_of(library, still_id))["id"] == sent
    assert len(stored(library)) == 2


async def test_a_picture_that_changed_has_its_new_film(library: Library, inside: bytes) -> None:
    """In an external library one may; what was taken out before goes, with its file."""
    still_id = await library.upload(phones.google_first(inside))
    await library.work()
    first = await film_of(library, still_id)
    other = phones.clip(library.root.parent, 1)
    key = (await library.asset(still_id))["original_key"]
    paths.resolve(library.root, key).write_bytes(phones.google_first(other))

    await again(library, still_id)

    assert bytes_of(library, await film_of(library, still_id)) == other
    assert not paths.resolve(library.root, first["original_key"]).exists()
    assert len(stored(library)) == 2


async def test_a_damaged_one_is_a_still(library: Library, inside: bytes) -> None:
    picture = phones.jpeg(phones.micro_video(len(inside) - 5)) + inside
    still_id = await library.upload(picture)

    await library.work()

    still = await library.asset(still_id)
    assert still["live_photo_video_id"] is None
    assert still["thumbhash"]
    assert bytes_of(library, still) == picture


async def test_a_worker_that_dies_leaves_litter_at_most(
    library: Library, inside: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there before anything is said of it, and the next worker stores another."""
    still_id = await library.upload(phones.google_first(inside))
    async with library.database.read() as connection:
        source = await reads.assets.get_source(connection, asset_id=still_id)
    assert source is not None
    found = renditions.Metadata(
        file_created_at=source["file_created_at"],
        local_date_time=source["file_created_at"].replace(tzinfo=None),
        film=(len(phones.google_first(inside)) - len(inside), len(inside)),
    )
    lost = await extraction.take_out(library.database, library.root, source, found)
    assert lost and lost.upload

    await library.work()

    film = await film_of(library, still_id)
    assert bytes_of(library, film) == inside
    claimed = {film["original_key"], (await library.asset(still_id))["original_key"]}
    removed = janitor.remove_unclaimed(library.root, claimed.intersection, grace_seconds=-1)
    assert lost.upload.original_key in removed
    assert bytes_of(library, film) == inside


async def test_a_full_disk_leaves_nothing(
    library: Library, inside: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    still_id = await library.upload(phones.google_first(inside))
    before = stored(library)

    def fail(*_: object) -> None:
        raise files.StorageFull

    with monkeypatch.context() as patched:
        patched.setattr(files.Incoming, "keep", fail)
        await library.work()

    assert stored(library) == before
    job = await library.row("SELECT last_error FROM job WHERE entity_id = %(id)s", still_id)
    assert job and "not enough space" in job["last_error"]


@needs_photos
async def test_a_real_one(library: Library) -> None:
    picture = (PHOTOS / "motionphoto/samsung-one-ui-6.heic").read_bytes()
    still_id = await library.upload(picture)

    await library.work()

    still, film = await library.asset(still_id), await film_of(library, still_id)
    assert bytes_of(library, still) == picture
    assert bytes_of(library, film) == picture[452284 : 452284 + 3226469]
    assert (still["width"], still["height"]) == (3000, 4000)
    assert film["duration_ms"] == pytest.approx(3130, abs=20)
    assert film["thumbhash"]


@needs_photos
async def test_a_real_still_finds_its_film(library: Library, tmp_path: Path) -> None:
    still_id = await library.upload((PHOTOS / "heic/live_photo_still.heic").read_bytes())
    content_id = "FCF200B0-D364-4703-B3F3-E88F0C7F6396"
    film_id = await library.upload(phones.apple_film(tmp_path, content_id), kind="VIDEO")

    await library.work()

    assert (await film_of(library, still_id))["id"] == film_id
