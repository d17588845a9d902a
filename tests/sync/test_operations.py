"""Operations: what they refuse, what they leave, and what they do to each other at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess, Refused
from sync.operations import asset_metadata, assets, live_photos, renditions, users
from sync.operations.assets import format_offset
from sync.operations.rendition_files import File
from tests.sync.library import FOUND, an_upload, ask, ask_one, new_asset, new_user, sequence, until
from tests.sync.oracle import truth
from tests.sync.replica import new_replica

PICTURES = {"thumbnail": File("t", 1), "preview": File("p", 1)}


async def topics(database):
    """What was staged since the last pass, in order."""
    return [
        row["topic"] for row in await ask(database, "SELECT topic FROM log_staging ORDER BY id")
    ]


async def test_fifty_uploads_of_one_file_make_one_asset(database, alice):
    ids = await asyncio.gather(*(new_asset(database, alice, b"same") for _ in range(50)))
    assert len(set(ids)) == 1
    assert await ask_one(database, "SELECT count(*) FROM asset") == 1
    assert await ask_one(database, 'SELECT usage_bytes FROM "user"') == 1000
    assert await topics(database) == ["user.created", "asset.uploaded"]


async def test_the_same_bytes_of_two_users_are_two_assets(database, alice, bob):
    assert await new_asset(database, alice, b"x") != await new_asset(database, bob, b"x")


async def test_more_than_the_quota_is_refused_and_leaves_nothing(database):
    carol = await new_user(database, "Carol", quota_bytes=1500)
    await new_asset(database, carol)
    with pytest.raises(Invalid, match="Quota"):
        await new_asset(database, carol)
    assert await ask_one(database, "SELECT count(*) FROM asset") == 1
    assert await topics(database) == ["user.created", "asset.uploaded"]


async def test_two_uploads_at_once_cannot_both_take_the_last_place(database):
    carol = await new_user(database, "Carol", quota_bytes=1500)
    attempts = (new_asset(database, carol) for _ in range(8))
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(result, Invalid) for result in results) == 7
    assert await ask_one(database, 'SELECT usage_bytes FROM "user"') == 1000


async def test_nothing_of_another_can_be_changed(database, alice, bob):
    theirs, own = await new_asset(database, bob), await new_asset(database, alice)
    await sequence(database)
    attempts = [
        lambda tx: assets.update_assets(tx, alice, [own, theirs], is_favorite=True),
        lambda tx: assets.trash_assets(tx, alice, [theirs]),
        lambda tx: assets.restore_assets(tx, alice, [theirs]),
        lambda tx: assets.delete_assets(tx, alice, [own, theirs]),
        lambda tx: asset_metadata.set_metadata(tx, alice, [(theirs, "x", {})]),
        lambda tx: asset_metadata.delete_metadata(tx, alice, [(theirs, "x")]),
        lambda tx: live_photos.link_live_photo(tx, alice, own, theirs),
        lambda tx: assets.delete_assets(tx, alice, [uuid4()]),
    ]
    for attempt in attempts:
        with pytest.raises(Invalid):
            async with database.write() as tx:
                await attempt(tx)
    assert await topics(database) == []


async def test_what_is_locked_away_needs_the_pin(database, alice):
    asset_id = await new_asset(database, alice, visibility="locked")
    with pytest.raises(NoAccess):
        async with database.write() as tx:
            await assets.trash_assets(tx, alice, [asset_id])
    async with database.write() as tx:
        await assets.trash_assets(tx, alice._replace(is_elevated=True), [asset_id])


@pytest.mark.parametrize(
    ("video", "message"),
    [("missing", "not found"), ("image", "must be a video"), ("theirs", "does not belong")],
)
async def test_a_moving_part_is_a_video_of_the_same_user(database, alice, bob, video, message):
    video_id = {
        "missing": uuid4(),
        "image": await new_asset(database, alice),
        "theirs": await new_asset(database, bob, type="VIDEO"),
    }[video]
    with pytest.raises(Invalid, match=message):
        await new_asset(database, alice, live_photo_video_id=video_id)


async def test_a_live_photo_hides_its_moving_part_and_takes_it_along(database, alice):
    video_id = await new_asset(database, alice, type="VIDEO")
    still = await new_asset(database, alice, live_photo_video_id=video_id)
    seen = "SELECT visibility FROM asset WHERE id = %s"
    assert await ask_one(database, seen, video_id) == "hidden"
    async with database.write() as tx:
        await live_photos.link_live_photo(tx, alice, still, None)
    assert await ask_one(database, seen, video_id) == "timeline"
    async with database.write() as tx:
        await live_photos.link_live_photo(tx, alice, still, video_id)
        await assets.delete_assets(tx, alice, [still])
    assert await ask_one(database, "SELECT count(*) FROM asset") == 0
    assert await ask_one(database, 'SELECT usage_bytes FROM "user"') == 0


async def test_a_moving_part_that_two_stills_share_stays_with_the_second(database, alice):
    video_id = await new_asset(database, alice, type="VIDEO")
    first = await new_asset(database, alice, live_photo_video_id=video_id)
    second = await new_asset(database, alice, live_photo_video_id=video_id)
    await sequence(database)
    phone = await new_replica(database, alice.user_id)
    await phone.pull()
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [first])
    assert await ask_one(database, "SELECT count(*) FROM asset") == 2
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [video_id])
    await sequence(database)
    await phone.pull()
    assert phone.dump()["asset"][(str(second),)]["livePhotoVideoId"] is None


async def test_files_are_told_of_only_after_the_rows_are_gone(database, alice):
    upload = an_upload(sidecar_key="upload/a.xmp")
    async with database.write() as tx:
        await assets.record_upload(tx, alice.user_id, upload)
        await renditions.record_thumbnail(
            tx, upload.asset_id, thumbhash=b"x", width=1, height=1,
            files=PICTURES,
        )  # fmt: skip
    await sequence(database)
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [upload.asset_id])
        assert await ask_one(database, "SELECT count(*) FROM asset") == 1
    await sequence(database)
    (job,) = await ask(
        database, "SELECT log.facts FROM job JOIN log USING (pos) WHERE queue = 'file_removal'"
    )
    for key in (upload.original_key, "upload/a.xmp", "t", "p"):
        assert key.encode() in job["facts"]


async def test_the_trash_is_emptied_of_what_is_in_it(database, alice, bob):
    kept, gone = await new_asset(database, alice), await new_asset(database, alice)
    theirs = await new_asset(database, bob)
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [gone])
        await assets.trash_assets(tx, bob, [theirs])
    async with database.write() as tx:
        assert await assets.empty_trash(tx, alice) == 1
        assert await assets.empty_trash(tx, alice) == 0
        assert await assets.restore_some(tx, bob) == 1
    left = await ask(database, "SELECT id FROM asset WHERE deleted_at IS NULL ORDER BY created_at")
    assert [row["id"] for row in left] == [kept, theirs]


async def test_a_second_trashing_tells_nobody(database, alice):
    asset_id = await new_asset(database, alice)
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [asset_id])
    await sequence(database)
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [asset_id])
        await asset_metadata.delete_metadata(tx, alice, [(asset_id, "nothing")])
        await users.delete_metadata(tx, alice.user_id, "nothing")
    assert await topics(database) == []


async def test_what_a_person_says_outweighs_the_file(database, alice):
    asset_id = await new_asset(database, alice)
    moment = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    async with database.write() as tx:
        await assets.update_assets(tx, alice, [asset_id], taken_at=moment, exif={"rating": 5})
        await renditions.record_metadata(tx, asset_id, FOUND)
    (row,) = await ask(database, "SELECT * FROM asset JOIN asset_exif ON asset_id = id")
    assert row["file_created_at"] == row["date_time_original"] == moment
    assert row["local_date_time"] == moment.replace(tzinfo=None)
    assert (row["time_zone"], row["rating"], row["make"]) == ("UTC-3:30", 5, "Canon")


async def test_what_a_person_says_while_the_file_is_read_outweighs_it_too(database, alice):
    asset_id = await new_asset(database, alice)
    moment = datetime(2001, 2, 3, tzinfo=UTC)

    async def find():
        async with database.write() as tx:
            await renditions.record_metadata(tx, asset_id, FOUND)

    waits = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with database.write() as tx:
        await assets.update_assets(tx, alice, [asset_id], taken_at=moment)
        finding = asyncio.create_task(find())
        await until(lambda: ask_one(database, waits))
    await finding
    assert await ask_one(database, "SELECT file_created_at FROM asset") == moment
    assert await ask_one(database, "SELECT date_time_original FROM asset_exif") == moment


async def test_what_is_found_of_a_deleted_asset_is_dropped(database, alice):
    await sequence(database)
    async with database.write() as tx:
        await renditions.record_metadata(tx, uuid4(), FOUND)
        await renditions.record_thumbnail(
            tx, uuid4(), thumbhash=b"x", width=1, height=1, files=PICTURES
        )
    assert await topics(database) == []


# What changes rows that are there already, as (tx, actor, asset, video) → its work.
CHANGES = {
    "update_assets": lambda tx, me, one, _: assets.update_assets(tx, me, [one], is_favorite=True),
    "trash_assets": lambda tx, me, one, _: assets.trash_assets(tx, me, [one]),
    "delete_assets": lambda tx, me, one, _: assets.delete_assets(tx, me, [one]),
    "link_live_photo": lambda tx, me, one, video: live_photos.link_live_photo(tx, me, one, video),
    "set_metadata": lambda tx, me, one, _: asset_metadata.set_metadata(tx, me, [(one, "x", {})]),
    "delete_metadata": lambda tx, me, one, _: asset_metadata.delete_metadata(tx, me, [(one, "x")]),
    "record_metadata": lambda tx, _, one, __: renditions.record_metadata(tx, one, FOUND),
    "record_thumbnail": lambda tx, _, one, __: renditions.record_thumbnail(
        tx, one, thumbhash=b"x", width=1, height=1, files=PICTURES
    ),
    "update_profile": lambda tx, me, *_: users.update_profile(tx, me, name="Other"),
    "change_password": lambda tx, me, *_: users.change_password(tx, me, "x"),
    "set_profile_image": lambda tx, me, *_: users.set_profile_image(tx, me, "x"),
    "users.set_metadata": lambda tx, me, *_: users.set_metadata(tx, me.user_id, "onboarding", {}),
    "users.delete_metadata": lambda tx, me, *_: users.delete_metadata(tx, me.user_id, "onboarding"),
    "delete_user": lambda tx, me, *_: users.delete_user(tx, me.user_id),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_nothing_is_staged_before_the_row_is_held(database, alice, name):
    """Whoever staged first and then waited would be in the log before what it waited for."""
    one, video = await new_asset(database, alice), await new_asset(database, alice, type="VIDEO")
    async with database.write() as tx:
        await users.set_metadata(tx, alice.user_id, "onboarding", {"n": 1})
        await asset_metadata.set_metadata(tx, alice, [(one, "x", {})])
        if name == "delete_user":
            await assets.delete_assets(tx, alice, [one, video])
    drawn = "SELECT last_value FROM log_staging_id_seq"
    before = await ask_one(database, drawn)

    async def change():
        async with database.write() as tx:
            await CHANGES[name](tx, alice, one, video)

    waits = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with database.write() as tx:
        for table in ('"user"', "asset", "user_metadata"):
            await tx.execute(f"SELECT 1 FROM {table} FOR UPDATE".encode())
        changing = asyncio.create_task(change())
        await until(lambda: ask_one(database, waits))
        assert await ask_one(database, drawn) == before
    await changing
    assert await ask_one(database, drawn) > before


async def test_dates_shift_and_zones_change(database, alice):
    asset_id = await new_asset(database, alice)
    async with database.write() as tx:
        await renditions.record_metadata(tx, asset_id, FOUND)
        await assets.update_assets(tx, alice, [asset_id], shift=timedelta(minutes=-90))
        await assets.update_assets(tx, alice, [asset_id], time_zone="Asia/Tokyo")
    (row,) = await ask(database, "SELECT * FROM asset JOIN asset_exif ON asset_id = id")
    assert row["file_created_at"] == FOUND.file_created_at - timedelta(minutes=90)
    assert row["local_date_time"].hour == (row["file_created_at"] + timedelta(hours=9)).hour
    assert row["time_zone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "UTC"), (120, "UTC+2"), (-210, "UTC-3:30"), (345, "UTC+5:45")]
)
def test_an_offset_is_written_as_immich_does(minutes, text):
    assert format_offset(timedelta(minutes=minutes)) == text
    assert format_offset(None) == "UTC"


async def test_a_user_with_assets_cannot_be_forgotten_and_one_without_leaves_nothing(
    database, alice, bob
):
    phone = await new_replica(database, bob.user_id)
    await sequence(database)
    await phone.pull()
    with pytest.raises(Refused):
        async with database.write() as tx:
            await users.delete_user(tx, uuid4())
    async with database.write() as tx:
        await users.set_metadata(tx, alice.user_id, "onboarding", {})
    await sequence(database)
    async with database.write() as tx:
        await users.delete_user(tx, alice.user_id)
    await sequence(database)
    living = "SELECT count(*) FROM state WHERE scope = %s AND NOT is_gone"
    assert await ask_one(database, living, alice.user_id) == 0
    await phone.pull()
    async with database.read() as connection:
        assert phone.dump() == await truth(connection, bob.user_id)


async def test_an_email_is_taken_once_however_it_is_written(database, alice, bob):
    (row,) = await ask(database, 'SELECT email FROM "user" WHERE id = %s', alice.user_id)
    with pytest.raises(Invalid, match="User exists"):
        async with database.write() as tx:
            await users.create_user(tx, email=row["email"].upper(), name="Again")
    with pytest.raises(Invalid, match="not available"):
        async with database.write() as tx:
            await users.update_profile(tx, bob, email=row["email"].upper())


async def test_two_who_sign_up_at_once_do_not_both_administer(database):
    async def sign_up(number):
        async with database.write() as tx:
            await users.sign_up_admin(tx, email=f"{number}@x.org", name="A", password_hash="x")

    results = await asyncio.gather(*(sign_up(n) for n in range(6)), return_exceptions=True)
    assert sum(result is None for result in results) == 1
    assert all(isinstance(result, Invalid) for result in results if result is not None)
    assert await ask_one(database, 'SELECT count(*) FROM "user"') == 1
