"""/admin/users: who is deleted, and comes back in time or is gone for good."""

from __future__ import annotations

import msgspec

from server import chores, departures
from server.app import CONTEXT
from sql import reads
from storage import paths
from sync.config import Config, User
from tests.api.test_users_admin import USERS, ids, log_in, path
from tests.fix_server import PASSWORD


async def test_who_is_deleted_is_out_at_once(anonymous, admin, alice, new_key, listen):
    key = await new_key(alice, "all")
    socket = await listen(alice)

    answer = await admin.delete(path(alice), {})

    assert answer.status == 200
    assert answer.json["status"] == "deleted"
    assert answer.json["deletedAt"]
    await socket.closed()
    for client in (alice, key):
        assert (await client.get("/api/users/me")).status == 401
    answer = await log_in(anonymous, alice.user["email"], PASSWORD)
    assert (answer.status, answer.message) == (401, "Incorrect email or password")
    again = await admin.delete(path(alice), {})
    assert (again.status, again.message) == (400, "User not found")
    again = await admin.put(path(alice), {"name": "x"})
    assert (again.status, again.message) == (400, "User not found")


async def test_what_the_deleted_shared_is_hidden_and_comes_back(
    admin, alice, bob, add, share, visit, new_phone
):
    phone = await new_phone(bob)
    of_alice, of_bob, lent = await add(), await add(client=bob), await add()
    members = [{"userId": bob.user["id"], "role": "editor"}]
    album = {"albumName": "a", "assetIds": [of_alice], "albumUsers": members}
    album_id = (await alice.post("/api/albums", album)).json["id"]
    members = [{"userId": alice.user["id"], "role": "editor"}]
    joined = {"albumName": "b", "assetIds": [of_bob], "albumUsers": members}
    joined_id = (await bob.post("/api/albums", joined)).json["id"]
    await bob.put(f"/api/albums/{album_id}/assets", {"ids": [of_bob]})
    await alice.put(f"/api/albums/{joined_id}/assets", {"ids": [lent]})
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})
    await bob.put(f"/api/partners/{alice.user['id']}", {"inTimeline": True})
    guest = visit(await share(albumId=album_id))
    await phone.pull()
    before = phone.dump()

    async def seen():
        statuses = [(await bob.get(f"/api/assets/{one}")).status for one in (of_alice, lent)]
        albums = {one["id"]: one["assetCount"] for one in (await bob.get("/api/albums")).json}
        return statuses, albums

    assert await seen() == ([200, 200], {album_id: 2, joined_id: 2})

    await admin.delete(path(alice), {})

    assert await seen() == ([400, 400], {joined_id: 1})
    assert (await bob.get("/api/partners", direction="shared-with")).json == []
    assert (await bob.get("/api/users")).json[-1]["id"] != alice.user["id"]
    assert (await guest.get(f"/api/albums/{album_id}")).status == 401
    await phone.pull()
    assert phone.dump() == (await new_phone(bob)).dump()
    assert of_alice not in str(phone.dump())

    answer = await admin.post(path(alice, "restore"))

    assert (answer.status, answer.json["status"], answer.json["deletedAt"]) == (200, "active", None)
    assert await seen() == ([200, 200], {album_id: 2, joined_id: 2})
    (partner,) = (await bob.get("/api/partners", direction="shared-with")).json
    assert partner["inTimeline"] is True
    assert (await guest.get(f"/api/albums/{album_id}")).status == 200
    await phone.pull()
    assert phone.dump() == (await new_phone(bob)).dump()
    assert {kind: len(rows) for kind, rows in phone.dump().items()} == {
        kind: len(rows) for kind, rows in before.items()
    }
    assert (await alice.get("/api/users/me")).status == 401, "they log in again"


async def test_nobody_deletes_themself(admin):
    answer = await admin.delete(path(admin), {})

    assert (answer.status, answer.json) == (403, {"message": "Cannot delete your own account"})
    assert (await admin.get(USERS)).status == 200


async def test_who_is_not_deleted_is_restored_already(admin, alice):
    answer = await admin.post(path(alice, "restore"))

    assert (answer.status, answer.json["status"]) == (200, "active")


async def test_after_some_days_a_deleted_user_is_gone_for_good(
    admin, alice, bob, add, server, execute, root, listen
):
    asset_id, other_id = await add(), await add(client=bob)
    await admin.delete(path(alice), {})
    context = server.app[CONTEXT]
    context.config = Config(user=User(delete_delay=3))
    ears = await listen(bob)

    await departures.remove_departed(context)
    assert alice.user["id"] in await ids(admin, withDeleted="true")
    assert (await admin.post(path(alice, "restore"))).status == 200

    await admin.delete(path(alice), {})
    await execute(
        "UPDATE \"user\" SET deleted_at = now() - interval '73 hours' WHERE deleted_at IS NOT NULL"
    )
    await departures.remove_departed(context)

    assert await ears.next("on_user_delete") == (alice.user["id"],)
    assert alice.user["id"] not in await ids(admin, withDeleted="true")
    assert (await bob.get(f"/api/assets/{other_id}")).status == 200
    async with context.database.read() as connection:
        assert await reads.assets.get_source(connection, asset_id=asset_id) is None


async def test_by_force_a_user_is_removed_at_once(admin, alice, add, listen, query):
    asset_id = await add()
    ears = await listen(admin)

    answer = await admin.delete(path(alice), {"force": True})

    assert (answer.status, answer.json["status"]) == (200, "removing")
    assert await ears.next("on_user_delete") == (alice.user["id"],)
    assert await ids(admin, withDeleted="true") == [admin.user["id"]]
    (row,) = await query("SELECT facts FROM log WHERE topic = 'asset.deleted'")
    key, *_ = msgspec.msgpack.decode(row["facts"])["keys"]
    assert key.startswith(f"{paths.ORIGINALS}/{alice.user['id']}/")
    assert asset_id in key


async def test_who_is_being_removed_does_not_come_back(admin, alice, execute):
    await admin.delete(path(alice), {})
    await execute("UPDATE \"user\" SET status = 'removing' WHERE deleted_at IS NOT NULL")

    answer = await admin.post(path(alice, "restore"))

    assert (answer.status, answer.json) == (400, {"message": "The user is being deleted"})


async def test_a_deletion_that_was_cut_off_goes_on(admin, alice, add, server, execute):
    await add()
    await admin.delete(path(alice), {})
    await execute("UPDATE \"user\" SET status = 'removing' WHERE deleted_at IS NOT NULL")

    await chores.do_all(server.app[CONTEXT])

    assert await ids(admin, withDeleted="true") == [admin.user["id"]]
    await departures.remove_departed(server.app[CONTEXT])
