"""The doctor of devices: what it shows, compares and repairs; and for whom."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from functools import reduce
from hashlib import md5
from operator import xor
from uuid import UUID, uuid4

import aiohttp
import pytest
from PIL import Image

from server import chores
from server.api import sync as sync_api
from server.context import Context
from sync import doctor
from sync.actor import Actor
from sync.config import Config
from sync.feeds import FEEDS
from sync.fitness import FIELDS
from sync.operations import albums, asset_metadata, assets, partners
from sync.stream import TooSlow, settle
from tests.fix_phones import OverHttp
from tests.sync.library import until
from tests.sync.replica import REQUESTS, Replica

HELIOGRAPH = [sys.executable, "-c", "from server.cli import main; main()"]


@pytest.fixture
def heliograph(dsn, root):
    async def heliograph(*arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            subprocess.run,
            [*HELIOGRAPH, *arguments],
            env=os.environ | {"HELIOGRAPH_DATA": str(root), "DATABASE_URL": dsn},
            capture_output=True,
            text=True,
        )

    return heliograph


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "JPEG")
    return data.getvalue() + uuid4().bytes


async def upload(client) -> UUID:
    answer = await client.upload(picture())
    assert answer.status == 201
    return UUID(answer.json["id"])


async def session_of(client) -> UUID:
    (current,) = [one for one in (await client.get("/api/sessions")).json if one["current"]]
    return UUID(current["id"])


async def state_of(admin, **query):
    answer = await admin.get("/api/admin/sync", **query)
    assert answer.status == 200, answer.data
    return answer.json["sessions"]


async def test_only_an_administrator_sees_the_devices_of_all(admin, alice, anonymous, new_key):
    assert (await alice.get("/api/admin/sync")).status == 403
    assert (await anonymous.get("/api/admin/sync")).status == 401
    key = await new_key(admin, "sync.stream")
    assert (await key.get("/api/admin/sync")).status == 403
    assert (await admin.get("/api/admin/sync")).json["sessions"] == []
    assert (await admin.get("/api/admin/sync", session="x")).status == 400


async def test_a_device_is_shown_as_it_is(admin, alice, bob, database):
    phone = Replica(OverHttp(alice))
    await phone.pull()
    await OverHttp(bob).stream().__anext__()
    (row,) = await state_of(admin, user=alice.user["email"])
    assert row["id"] == str(await session_of(alice))
    assert row["email"] == alice.user["email"]
    assert (row["behindEntries"], row["behindSeconds"], row["unfit"]) == (0, 0.0, [])
    assert row["cursors"]["UserV1"] == row["cursors"]["SyncCompleteV1"]
    assert row["lastStream"]["isComplete"] and row["lastStream"]["problem"] is None
    assert row["lastStream"]["lines"] == len(phone.heard)
    assert row["lastStream"]["bytes"] > 200

    await upload(alice)
    await settle(database)
    (row,) = await state_of(admin, session=row["id"])
    assert row["behindEntries"] > 0 and row["behindSeconds"] >= 0
    (other,) = await state_of(admin, user=bob.user["email"])
    assert other["behindEntries"] is None
    assert len(await state_of(admin)) == 2


async def test_a_stream_that_is_cut_off_is_told(admin, alice, monkeypatch):
    async def cut(*_):
        yield b'{"type":"x"}\n'
        raise TooSlow

    monkeypatch.setattr(sync_api, "stream", cut)
    with pytest.raises(aiohttp.ClientError):
        await alice.post("/api/sync/stream", {"types": ["UsersV1"]})

    async def last_stream():
        return (await state_of(admin))[0]["lastStream"]

    told = await until(last_stream)
    assert told["lines"] == 1
    assert not told["isComplete"]
    assert "too slowly" in told["problem"]


async def test_acks_do_not_show_what_is_only_for_us(alice):
    await Replica(OverHttp(alice)).pull()
    types = {one["type"] for one in (await alice.get("/api/sync/ack")).json}
    assert "SyncCompleteV1" in types and "SyncResetV1" not in types


def digest(*ids: str) -> dict[str, object]:
    xored = reduce(xor, (int(md5(one.encode()).hexdigest(), 16) for one in ids), 0)
    return {"count": len(ids), "digest": f"{xored:032x}"}


def counted(phone: Replica) -> dict[str, dict[str, object]]:
    """As an app would count its own copy."""
    tables = {
        "AssetsV2": "asset", "AssetExifsV1": "exif", "UsersV1": "user", "AuthUsersV1": "auth_user",
        "AssetMetadataV1": "asset_metadata", "UserMetadataV1": "user_metadata",
        "AlbumsV2": "album", "AlbumToAssetsV1": "album_asset", "AlbumUsersV1": "album_user",
    }  # fmt: skip
    dump = phone.dump()
    return {name: digest(*("".join(key) for key in dump[table])) for name, table in tables.items()}


async def compare(client, report):
    answer = await client.post("/api/sync/compare", {"kinds": report})
    assert answer.status == 200, answer.data
    return {name for name, one in answer.json["kinds"].items() if not one["isEqual"]}


async def test_a_copy_that_is_right_compares_equal_also_behind_the_head(alice, bob, database):
    ids = [await upload(alice) for _ in range(3)]
    actor = Actor(UUID(alice.user["id"]))
    async with database.write() as tx:
        await asset_metadata.set_metadata(tx, actor, [(ids[0], "mobile-app", {"a": 1})])
    async with database.write() as tx:
        album_id = await albums.create_album(tx, actor, "a")
        await albums.add_assets(tx, actor, album_id, ids[:2])
    await settle(database)
    phone = Replica(OverHttp(alice))
    await phone.pull()
    report = counted(phone)
    assert report["AssetsV2"]["count"] == 3
    assert await compare(alice, report) == set()

    async with database.write() as tx:
        await assets.delete_assets(tx, actor, ids[:1])
    await upload(alice)
    await settle(database)
    assert await compare(alice, report) == set(), "as of the device's own place"
    assert await compare(alice, report | {"AssetsV2": digest(str(ids[1]))}) == {"AssetsV2"}
    await phone.pull()
    assert await compare(alice, counted(phone)) == set()
    assert await compare(alice, report) >= {"AssetsV2", "AssetExifsV1"}


async def test_a_partners_library_is_compared_as_it_is_seen(alice, bob, database):
    seen, hidden = [await upload(alice) for _ in range(2)]
    actor = Actor(UUID(alice.user["id"]), is_elevated=True)
    async with database.write() as tx:
        await partners.create_partner(tx, actor, UUID(bob.user["id"]))
        await assets.update_assets(tx, actor, [hidden], visibility="archive")
    phone = Replica(OverHttp(bob))
    await phone.pull()
    report = {"PartnerAssetsV2": digest(str(seen)), "AssetsV2": digest()}
    assert await compare(bob, report) == set()
    assert await compare(bob, {"PartnerAssetsV2": digest(str(seen), str(hidden))}) != set()


async def test_what_albums_show_of_others_is_compared_each_once(alice, bob, database):
    twice, once, own = await upload(alice), await upload(alice), await upload(bob)
    actor = Actor(UUID(alice.user["id"]), is_elevated=True)
    async with database.write() as tx:
        for ids in ([twice, once], [twice]):
            album_id = await albums.create_album(tx, actor, "a")
            await albums.add_assets(tx, actor, album_id, ids)
            await albums.share_album(tx, actor, album_id, [UUID(bob.user["id"])], role="editor")
        await albums.add_assets(tx, Actor(UUID(bob.user["id"])), album_id, [own])
    await settle(database)
    phone = Replica(OverHttp(bob))
    await phone.pull()
    both = digest(str(twice), str(once))
    report = {"AlbumAssetsV2": both, "AlbumAssetExifsV1": both, "AssetsV2": digest(str(own))}
    assert await compare(bob, report) == set()
    assert await compare(bob, {"AlbumAssetsV2": digest(str(twice))}) == {"AlbumAssetsV2"}
    assert await compare(bob, {"AlbumAssetExifsV1": digest()}) == {"AlbumAssetExifsV1"}

    async with database.write() as tx:
        await assets.delete_assets(tx, actor, [once])
        await albums.remove_assets(tx, actor, album_id, [twice])
    await settle(database)
    assert await compare(bob, report) == set(), "as of the device's own place"
    await phone.pull()
    left = digest(str(twice))
    assert await compare(bob, {"AlbumAssetsV2": left, "AlbumAssetExifsV1": left}) == set()


async def test_what_a_partner_deleted_since_is_compared_as_it_was(alice, bob, database):
    ids = [await upload(alice) for _ in range(2)]
    actor = Actor(UUID(alice.user["id"]))
    async with database.write() as tx:
        await partners.create_partner(tx, actor, UUID(bob.user["id"]))
    await Replica(OverHttp(bob)).pull()
    async with database.write() as tx:
        await assets.delete_assets(tx, actor, ids[:1])
    await settle(database)
    assert await compare(bob, {"PartnerAssetsV2": digest(*map(str, ids))}) == set()


async def test_what_cannot_be_compared_is_refused(alice, new_key):
    report = {"kinds": {"AssetsV2": {"count": 0, "digest": "0" * 32}}}
    answer = await alice.post("/api/sync/compare", report)
    assert answer.status == 400 and "Sync first" in answer.message
    await Replica(OverHttp(alice)).pull()
    assert (await alice.post("/api/sync/compare", report)).status == 200
    for wrong in ({"Nothing": {"count": 0, "digest": "0" * 32}}, {"AssetsV2": {"count": -1}}):
        assert (await alice.post("/api/sync/compare", {"kinds": wrong})).status == 400
    key = await new_key(alice, "all")
    assert (await key.post("/api/sync/compare", report)).status == 403


async def test_the_command_shows_repairs_and_resets(alice, bob, admin, heliograph, database):
    kept, gone = [await upload(alice) for _ in range(2)]
    phone = Replica(OverHttp(alice))
    await phone.pull()
    session_id = str(await session_of(alice))
    shown = await heliograph("doctor", "sync", "--user", alice.user["email"])
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert alice.user["email"] in shown.stdout and session_id in shown.stdout
    assert "0 entries" in shown.stdout and "complete" in shown.stdout
    nobody = await heliograph("doctor", "sync", "--user", "x@example.org")
    assert nobody.stdout == ""

    # A copy that went wrong: one row is missing, one was changed, one should not be there.
    async with database.write() as tx:
        await assets.delete_assets(tx, Actor(UUID(alice.user["id"])), [gone])
    await phone.pull()
    rows = phone._database
    right = phone.dump()
    rows.execute(
        "INSERT INTO asset SELECT ?, ownerId, libraryId, 'x', data FROM asset", [str(gone)]
    )
    rows.execute("UPDATE asset SET data = '{}' WHERE id = ?", [str(kept)])
    assert phone.dump() != right
    await phone.pull()
    assert phone.dump() != right
    repaired = await heliograph("doctor", "sync", "--session", session_id, "--repair", "AssetsV2")
    assert repaired.returncode == 0 and "reset" not in repaired.stdout, repaired.stderr
    await phone.pull()
    assert phone.dump() == right
    assert {type_ for type_ in phone.types() if type_ != "AssetDeleteV1"} == {"AssetV2"}

    for wrong in (["--repair", "Nothing", "--session", session_id], ["--repair", "AssetsV2"],
                  ["--repair", "AssetsV2", "--session", str(uuid4())]):  # fmt: skip
        assert (await heliograph("doctor", "sync", *wrong)).returncode != 0
    reset = await heliograph("doctor", "sync", "--session", session_id, "--reset")
    assert reset.returncode == 0
    await phone.pull()
    assert phone.wipes == 1
    assert phone.dump() == right


async def test_the_command_compares_a_devices_report(alice, heliograph, tmp_path):
    asset_id = await upload(alice)
    phone = Replica(OverHttp(alice))
    await phone.pull()
    session_id = str(await session_of(alice))
    report = tmp_path / "report.json"

    async def told(text: str):
        report.write_text(text)
        command = ["doctor", "sync", "--compare", str(report), "--session", session_id]
        return await heliograph(*command)

    same = await told(json.dumps({"kinds": counted(phone)}))
    assert same.returncode == 0, same.stdout + same.stderr
    assert "AssetsV2" in same.stdout and "1 there, 1 here" in same.stdout
    other = await told(json.dumps({"kinds": {"AssetsV2": digest(str(uuid4()))}}))
    assert other.returncode == 1 and "1 there, 1 here, and not the same" in other.stdout
    fewer = await told(json.dumps({"kinds": {"AssetsV2": digest()}}))
    assert fewer.returncode == 1 and "0 there, 1 here" in fewer.stdout
    for wrong in ("x", "{}", '{"kinds": {"AssetsV2": {"count": -1, "digest": "x"}}}',
                  json.dumps({"kinds": {"Nothing": digest(str(asset_id))}})):  # fmt: skip
        refused = await told(wrong)
        assert refused.returncode == 1 and "heliograph: " in refused.stderr
    alone = await heliograph("doctor", "sync", "--compare", str(report))
    assert alone.returncode == 2 and "--session" in alone.stderr


async def test_what_is_in_quarantine_is_shown_and_tried_again(
    alice, admin, database, execute, query, heliograph
):
    async def sequenced():
        """The command cannot wake the sequencer, which looks by itself."""
        return not await query("SELECT FROM log_staging")

    asset_id = await upload(alice)
    phone = Replica(OverHttp(alice))
    await phone.pull()
    await execute("UPDATE asset SET type = 'BOOK'")
    async with database.write() as tx:
        await assets.update_assets(tx, Actor(UUID(alice.user["id"])), [asset_id], is_favorite=True)
    await settle(database)
    (row,) = await state_of(admin, user=alice.user["email"])
    assert {one["kind"] for one in row["unfit"]} == {"asset"} and row["quarantined"] == []
    wrong = await heliograph("doctor", "sync")
    assert wrong.returncode == 1

    searched = await heliograph("doctor", "sync", "--recheck")
    assert searched.returncode == 0, searched.stderr
    assert "0 lines may be sent again, 2 more may not" in searched.stdout
    await until(sequenced)
    (row,) = await state_of(admin, user=alice.user["email"])
    assert row["unfit"] == []
    held = {one["kind"]: one for one in row["quarantined"]}
    assert set(held) == {"asset", "asset_exif"}
    assert held["asset"]["id"] == str(asset_id) and held["asset"]["fields"] == []
    assert "type" in held["asset"]["reason"] and held["asset"]["at"].endswith("Z")
    shown = await heliograph("doctor", "sync")
    assert shown.returncode == 0 and f"{asset_id}: not sent since" in shown.stdout
    assert "2 lines would jam an app" in (await heliograph("doctor")).stdout
    await phone.pull()
    assert phone.dump()["asset"] == {}

    await execute("UPDATE asset SET type = 'IMAGE'")
    again = await heliograph("doctor", "sync", "--recheck")
    assert "2 lines may be sent again, 0 more may not" in again.stdout
    await until(sequenced)
    await phone.pull()
    assert set(phone.dump()["asset"]) == set(phone.dump()["exif"]) == {(str(asset_id),)}


async def test_a_stuck_phone_is_freed_over_http(alice, database, execute):
    """It acks nothing of what it cannot apply, and comes again."""
    await Replica(OverHttp(alice)).pull()
    asset_id = await upload(alice)
    await execute("UPDATE asset SET type = 'BOOK'")
    async with database.write() as tx:
        await assets.update_assets(tx, Actor(UUID(alice.user["id"])), [asset_id], is_favorite=True)
    phone = OverHttp(alice)
    streams = [await phone.stream().__anext__() for _ in range(4)]
    types = [[json.loads(line)["type"] for line in one.splitlines()] for one in streams]
    assert "AssetV2" in types[0] and "AssetV2" in types[1]
    assert "AssetV2" not in types[-1] and types[-1][-1] == "SyncCompleteV1"


async def test_the_nights_chores_hold_back_and_try_again(alice, database, root, execute, query):
    await upload(alice)
    await settle(database)
    context = Context(database, root, None, Config())
    await execute("UPDATE state SET data = replace(data, 'IMAGE', 'BOOK') WHERE kind = 'asset'")
    assert chores.search_unfit in chores.CHORES
    await chores.search_unfit(context)
    kinds = "SELECT kind FROM quarantine ORDER BY kind"
    assert [row["kind"] for row in await query(kinds)] == ["asset", "asset_exif"]
    await settle(database)
    await chores.search_unfit(context)
    assert await query(kinds) == [], "the asset itself is as it should be"


async def test_streams_without_news_are_noted_now_and_then(alice, admin, query, execute):
    phone = Replica(OverHttp(alice))
    await phone.pull()
    await phone.pull()  # It is news that there is none any more.
    noted = "SELECT xmin::text, line_count FROM sync_copy"
    before = await query(noted)
    await phone.pull()
    await phone.pull()
    assert await query(noted) == before
    assert before[0]["line_count"] == 1

    await execute("UPDATE sync_copy SET streamed_at = now() - interval '1 hour'")
    await phone.pull()
    (row,) = await query(
        "SELECT streamed_at > now() - interval '1 minute' AS is_new FROM sync_copy"
    )
    assert row["is_new"]
    await execute("UPDATE sync_copy SET problem = 'The device left'")
    await phone.pull()
    assert (await state_of(admin))[0]["lastStream"]["isComplete"]


async def test_a_repair_says_when_it_cannot_be_sure(alice, database, execute):
    await Replica(OverHttp(alice)).pull()
    session_id = await session_of(alice)
    async with database.write() as tx:
        assert await doctor.repair(tx, session_id, "AssetsV2")
    await execute("UPDATE log_floor SET pos = 1000")
    async with database.write() as tx:
        assert not await doctor.repair(tx, session_id, "AssetsV2")


def test_all_that_is_asked_for_can_be_repaired():
    assert {feed.request for feed in FEEDS} >= set(REQUESTS)
    assert {feed.kind for feed in FEEDS if feed.kind in FIELDS} == set(FIELDS)


BROKEN = {
    "asset": ("UPDATE state SET data = '{\"id\":' WHERE kind = 'asset'", "can read"),
    "asset_exif": (
        "DELETE FROM state WHERE kind = 'asset'", "is not there"
    ),
    "user": ("UPDATE state SET data = '{}' WHERE kind = 'user'", "can read"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
async def test_a_row_that_would_jam_an_app_is_found(alice, admin, database, execute, kind):
    await upload(alice)
    await settle(database)
    await OverHttp(alice).stream().__anext__()
    (row,) = await state_of(admin)
    assert row["unfit"] == []
    statement, reason = BROKEN[kind]
    await execute(statement)
    (row,) = await state_of(admin)
    assert (kind, True) in {(one["kind"], reason in one["reason"]) for one in row["unfit"]}


async def test_twins_and_strangers_are_found(alice, admin, database, execute):
    await upload(alice)
    await upload(alice)
    await settle(database)
    await OverHttp(alice).stream().__anext__()
    await execute(
        """UPDATE state SET data = jsonb_set(data::jsonb, '{checksum}', '"same"')::text
            WHERE kind = 'asset'"""
    )
    face = """INSERT INTO state (kind, scope, key, first, since, pos, reach, reached, data)
              SELECT 'asset_face', scope, gen_random_uuid(), pos, pos, pos, 0, 0,
                     json_build_object('id', key, 'assetId', key, 'personId', gen_random_uuid(),
                        'imageWidth', 1, 'imageHeight', 1, 'boundingBoxX1', 0, 'boundingBoxY1', 0,
                        'boundingBoxX2', 1, 'boundingBoxY2', 1, 'sourceType', 'exif',
                        'isVisible', true)::text
                FROM state WHERE kind = 'asset' LIMIT 1"""
    await execute(face)
    (row,) = await state_of(admin)
    reasons = [one["reason"] for one in row["unfit"]]
    assert reasons.count("an older asset has the same bytes") == 1
    assert sum("personId" in reason for reason in reasons) == 1
    assert len(reasons) == 2
