"""What administrators do is on record: what it was, and who did it."""

from __future__ import annotations

from uuid import uuid4

import aiohttp
import msgspec
import pytest

from server.endpoint import ENDPOINTS
from sync.stream import settle
from tests.api.test_licenses import BODY, SERVER_KEY

USERS, LIBRARIES = "/api/admin/users", "/api/libraries"
# What changes nothing that stays.
WITHOUT = {
    "get_notification_template_admin",
    "send_test_email_admin",
    "validate",  # of a library
    "scan_library",  # refused here
}


@pytest.fixture
def acts(database, query):
    """Topics of what is on record as done by somebody."""

    async def acts(client):
        await settle(database)
        rows = await query("SELECT topic, facts FROM log ORDER BY pos")
        found = [(row["topic"], msgspec.msgpack.decode(row["facts"])) for row in rows]
        return [topic for topic, facts in found if facts.get("by") == client.user["id"]]

    return acts


async def make_user(admin):
    body = {"email": f"{uuid4().hex}@example.org", "name": "Carol", "password": "long enough"}
    return f"{USERS}/{(await admin.post(USERS, body)).json['id']}"


async def make_library(admin):
    body = {"ownerId": admin.user["id"], "name": "a", "importPaths": []}
    return f"{LIBRARIES}/{(await admin.post(LIBRARIES, body)).json['id']}"


async def change_config(admin):
    config = (await admin.get("/api/admin/config")).json
    config["trash"]["days"] += 1
    return config


async def create_user_admin(admin):
    await make_user(admin)
    return "user.created"


async def update_user_admin(admin):
    await admin.put(await make_user(admin), {"isAdmin": True})
    return "user.updated"


async def update_user_preferences_admin(admin):
    await admin.put(f"{await make_user(admin)}/preferences", {"avatar": {"color": "red"}})
    return "user.updated"


async def delete_user_admin(admin):
    await admin.delete(await make_user(admin), {})
    return "user.trashed"


async def restore_user_admin(admin):
    path = await make_user(admin)
    await admin.delete(path, {})
    await admin.post(f"{path}/restore")
    return "user.restored"


async def unlink_all_oauth_accounts_admin(admin):
    await admin.call("POST", "/api/admin/auth/unlink-all")
    return "user.updated"


async def create_notification(admin):
    body = {"userId": admin.user["id"], "title": "Hello"}
    await admin.post("/api/admin/notifications", body)
    return "notification.created"


async def update_admin_config(admin):
    await admin.put("/api/admin/config", await change_config(admin))
    return "config.changed"


async def update_config(admin):
    await admin.put("/api/system-config", await change_config(admin))
    return "config.changed"


async def update_admin_onboarding(admin):
    await admin.post("/api/system-metadata/admin-onboarding", {"isOnboarded": True})
    return "system_metadata.changed"


async def set_server_license(admin):
    await admin.put("/api/server/license", BODY | {"licenseKey": SERVER_KEY})
    return "system_metadata.changed"


async def delete_server_license(admin):
    await set_server_license(admin)
    await admin.delete("/api/server/license")
    return "system_metadata.changed"


async def create_library(admin):
    await make_library(admin)
    return "library.created"


async def update_library(admin):
    await admin.put(await make_library(admin), {"name": "b"})
    return "library.updated"


async def delete_library(admin):
    await admin.delete(await make_library(admin))
    return "library.deleted"


async def create_job(admin):
    await admin.post("/api/jobs", {"name": "tag-cleanup"})
    return "job.started"


async def run_queue_command_legacy(admin):
    await admin.put("/api/jobs/metadataExtraction", {"command": "start", "force": False})
    return "job.started"


async def update_queue(admin):
    await admin.put("/api/queues/metadataExtraction", {"isPaused": True})
    return "queue.paused"


async def empty_queue(admin):
    assert (await admin.upload(b"a photo")).status == 201
    await admin.put("/api/queues/metadataExtraction", {"isPaused": True})
    await admin.sync("AssetsV2")  # By then it waits.
    await admin.delete("/api/queues/metadataExtraction/jobs", {})
    return "queue.emptied"


async def upload_database_backup(admin):
    form = aiohttp.FormData()
    form.add_field("file", b"0123", filename="a.sql")
    await admin.call("POST", "/api/admin/database-backups/upload", data=form)
    return "backup.uploaded"


async def delete_database_backup(admin):
    await upload_database_backup(admin)
    await admin.delete("/api/admin/database-backups", {"backups": ["uploaded-a.sql"]})
    return "backup.deleted"


async def set_maintenance_mode(admin):
    await admin.post("/api/admin/maintenance", {"action": "start"})
    return "maintenance.started"


DONE = {
    done.__name__: done
    for done in (
        create_user_admin, update_user_admin, update_user_preferences_admin, delete_user_admin,
        restore_user_admin, unlink_all_oauth_accounts_admin, create_notification,
        update_admin_config, update_config, update_admin_onboarding, set_server_license,
        delete_server_license, create_library, update_library, delete_library, create_job,
        run_queue_command_legacy, update_queue, empty_queue, upload_database_backup,
        delete_database_backup, set_maintenance_mode,
    )
}  # fmt: skip
ELSEWHERE = {"delete_integrity_report"}  # tests/api/test_integrity.py


@pytest.mark.parametrize("name", DONE)
async def test_who_did_it_is_on_record(admin, acts, execute, name):
    await execute('UPDATE "user" SET oauth_id = %s', "c-1")

    topic = await DONE[name](admin)

    assert topic in await acts(admin)


def test_nothing_that_administrators_do_is_left_out():
    names = {
        one.handle.__name__ for one in ENDPOINTS if one.auth == "admin" and one.methods[0] != "GET"
    }

    assert names == DONE.keys() | WITHOUT | ELSEWHERE
