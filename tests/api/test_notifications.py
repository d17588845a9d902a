"""/notifications: what people are told in open apps and by e-mail, and what administrators send."""

from __future__ import annotations

from uuid import uuid4

import pytest

from server import letters
from sync.operations import notifications, system

UNKNOWN = str(uuid4())


@pytest.fixture
async def carol(sign_in):
    return await sign_in("carol")


@pytest.fixture
async def notify(admin):
    async def notify(client, title="Hello", **fields):
        body = {"userId": client.user["id"], "title": title, **fields}
        answer = await admin.post("/api/admin/notifications", body)
        assert answer.status == 201, answer.data
        return answer.json

    return notify


@pytest.fixture
async def posting(database, mailbox, alice, listen):
    """E-mails are sent, by a server that keeps them."""
    socket = await listen(alice)
    async with database.write() as tx:
        await system.change_config(tx, {
            "notifications.smtp.enabled": True,
            "notifications.smtp.from": "photos@example.org",
            "notifications.smtp.transport.host": "127.0.0.1",
            "notifications.smtp.transport.port": mailbox.port,
            "server.externalDomain": "https://photos.example.org",
        })  # fmt: skip
    await socket.next("on_config_update")
    return mailbox


async def listed(client, **query):
    answer = await client.get("/api/notifications", **query)
    assert answer.status == 200, answer.data
    return [one["title"] for one in answer.json]


async def test_notifications_are_listed_read_and_deleted(alice, notify, listen):
    socket = await listen(alice)
    first = await notify(alice, "First", level="warning", description="d", data={"a": 1})
    (told,) = await socket.next("on_notification")
    assert told == first
    second = await notify(alice, "Second", type="SystemMessage")

    assert await listed(alice) == ["Second", "First"]
    assert await listed(alice, level="warning") == ["First"]
    assert await listed(alice, type="SystemMessage") == ["Second"]
    assert await listed(alice, id=first["id"]) == ["First"]
    assert (await alice.get(f"/api/notifications/{first['id']}")).json == first

    read = {"readAt": "2024-05-06T07:08:09.000Z"}
    answer = await alice.put(f"/api/notifications/{first['id']}", read)
    assert answer.json["readAt"] == read["readAt"]
    assert await listed(alice, unread="true") == ["Second"]
    assert await listed(alice, unread="false") == ["First"]
    ids = [first["id"], second["id"]]
    assert (await alice.put("/api/notifications", {"ids": ids, "readAt": None})).status == 204
    assert await listed(alice, unread="true") == ["Second", "First"]

    assert (await alice.delete(f"/api/notifications/{first['id']}")).status == 204
    assert (await alice.delete("/api/notifications", {"ids": [second["id"]]})).status == 204
    assert await listed(alice) == []


@pytest.mark.parametrize(
    ("method", "permission"), [("GET", "read"), ("PUT", "update"), ("DELETE", "delete")]
)
async def test_notifications_are_their_receivers(alice, bob, notify, method, permission):
    for id_ in ((await notify(alice))["id"], UNKNOWN):
        body = {"readAt": None} if method == "PUT" else None
        answer = await bob.call(method, f"/api/notifications/{id_}", json=body)
        assert (answer.status, answer.message) == (
            400, f"Not found or no notification.{permission} access",
        )  # fmt: skip
        if method != "GET":
            answer = await bob.call(method, "/api/notifications", json={"ids": [id_]})
            assert answer.status == 400


async def test_only_administrators_send(alice, bob):
    for path, body in (
        ("/api/admin/notifications", {"userId": bob.user["id"], "title": "x"}),
        ("/api/admin/notifications/templates/welcome", {"template": ""}),
        ("/api/admin/notifications/test-email", {}),
    ):
        answer = await alice.post(path, body)
        assert (answer.status, answer.message) == (403, "Forbidden")


async def test_who_is_invited_is_told_and_written_to(alice, bob, listen, posting):
    socket = await listen(bob)
    members = [{"userId": bob.user["id"], "role": "viewer"}]
    album = await alice.post("/api/albums", {"albumName": "Sea & <sun>", "albumUsers": members})

    (told,) = await socket.next("on_notification")

    assert (told["type"], told["title"]) == ("AlbumInvite", "Shared Album Invitation")
    assert told["data"] == {"albumId": album.json["id"]}
    letter = await posting.next()
    assert letter["To"] == bob.user["email"]
    assert letter["From"] == "photos@example.org"
    assert letter["Subject"] == "You have been added to a shared album - Sea & <sun>"
    plain, rich = (part.get_content() for part in letter.iter_parts())
    assert f"https://photos.example.org/albums/{album.json['id']}" in plain
    assert "Sea &amp; &lt;sun&gt;" in rich
    assert await listed(alice) == []


async def test_who_does_not_want_letters_gets_none(alice, bob, carol, posting):
    await bob.put("/api/users/me/preferences", {"emailNotifications": {"albumInvite": False}})
    members = [{"userId": one.user["id"], "role": "viewer"} for one in (bob, carol)]

    await alice.post("/api/albums", {"albumName": "Sea", "albumUsers": members})

    assert (await posting.next())["To"] == carol.user["email"]
    assert posting.is_empty
    assert await listed(bob) == ["Shared Album Invitation"]


async def test_news_of_an_album_come_once_it_is_quiet(alice, bob, add, database):
    members = [{"userId": bob.user["id"], "role": "viewer"}]
    album = (await alice.post("/api/albums", {"albumName": "Sea", "albumUsers": members})).json
    for _ in range(2):
        await alice.put(f"/api/albums/{album['id']}/assets", {"ids": [await add()]})

    async with database.write() as tx:
        assert await notifications.tell_news(tx) == 0  # somebody is still adding
        await tx.execute(b"UPDATE album_news SET due_at = now()")
        assert await notifications.tell_news(tx) == 1

    assert await listed(bob, type="AlbumUpdate") == ["Shared Album Update"]
    assert await listed(alice) == []


async def test_a_test_letter_is_sent_with_what_is_not_saved_yet(admin, mailbox):
    transport = {
        "host": "127.0.0.1", "port": mailbox.port, "ignoreCert": False, "password": "",
        "secure": False, "username": "",
    }  # fmt: skip
    body = {"enabled": True, "from": "a@example.org", "replyTo": "", "transport": transport}

    answer = await admin.post("/api/admin/notifications/test-email", body)

    assert answer.status == 200, answer.data
    letter = await mailbox.next()
    assert letter["Message-ID"] == answer.json["messageId"]
    body["transport"] = {**transport, "port": 1}
    refused = await admin.post("/api/admin/notifications/test-email", body)
    assert (refused.status, refused.message) == (400, "Failed to verify SMTP configuration")


async def test_templates_are_shown_filled_in(admin):
    path = "/api/admin/notifications/templates"
    shown = await admin.post(f"{path}/album-invite", {"template": "<b>{albumName}</b> {unknown}"})
    ours = await admin.post(f"{path}/welcome", {"template": ""})

    assert shown.json["name"] == "album-invite"
    assert "<b>John Doe&#x27;s Favorites</b> {unknown}" in shown.json["html"]
    assert "john@example.com" in ours.json["html"]


def test_nobody_writes_headers_through_a_name():
    letter = letters.write("album-update", {"albumName": "a\r\nBcc: x@example.org"})

    assert "\n" not in letter.subject and "\r" not in letter.subject
