"""/view: folders, and what lies in them."""

from __future__ import annotations

import pytest


@pytest.fixture
def lay(add, execute):
    """An asset of Alice's with this path; its id."""

    async def lay(path, **fields):
        asset_id = await add(**fields)
        await execute("UPDATE asset SET original_key = %s WHERE id = %s", path, asset_id)
        return asset_id

    return lay


async def folders(client):
    answer = await client.get("/api/view/folder/unique-paths")
    assert answer.status == 200, answer.data
    return answer.json


async def listed(client, path):
    answer = await client.call("GET", "/api/view/folder", params={"path": path})
    assert answer.status == 200, answer.data
    return [asset["id"] for asset in answer.json]


async def test_folders_are_told_once_each(alice, lay):
    for path in ("/mnt/b/1.jpg", "/mnt/a/2.jpg", "/mnt/a/3.jpg", "/mnt/a/deep/4.jpg"):
        await lay(path)

    assert await folders(alice) == ["/mnt/a", "/mnt/a/deep", "/mnt/b"]


async def test_a_folder_shows_what_lies_in_itself_by_name(alice, lay):
    second, first = await lay("/mnt/a/b.jpg"), await lay("/mnt/a/a.jpg")
    below, _ = await lay("/mnt/a/deep/a.jpg"), await lay("/mnt/ab/a.jpg")

    assert await listed(alice, "/mnt/a") == [first, second]
    assert await listed(alice, "/mnt/a/") == [first, second]
    assert await listed(alice, "/mnt/a/deep") == [below]
    assert await listed(alice, "/mnt") == []
    (shown,) = (await alice.get("/api/view/folder?path=/mnt/a/deep")).json
    assert shown["originalPath"] == "/mnt/a/deep/a.jpg"
    assert shown["exifInfo"] is not None


async def test_signs_of_patterns_are_letters_like_others(alice, lay):
    await lay("/mnt/abc/1.jpg")
    odd = await lay("/mnt/a%_\\/2.jpg")

    assert await listed(alice, "/mnt/a%_\\") == [odd]
    assert await listed(alice, "/mnt/a%") == []


async def test_only_the_timeline_has_folders(alice, lay):
    for name, visibility in enumerate(("archive", "hidden", "locked")):
        await lay(f"/mnt/{visibility}/{name}.jpg", visibility=visibility)
    trashed = await lay("/mnt/trash/4.jpg")
    await alice.delete("/api/assets", {"ids": [trashed]})

    assert await folders(alice) == []
    for name in ("archive", "hidden", "locked", "trash"):
        assert await listed(alice, f"/mnt/{name}") == []


async def test_folders_are_one_s_own(alice, bob, anonymous, lay, new_key):
    await lay("/mnt/a/1.jpg")
    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})

    assert await folders(bob) == []
    assert await listed(bob, "/mnt/a") == []
    for path in ("/api/view/folder/unique-paths", "/api/view/folder?path=/mnt/a"):
        assert (await anonymous.get(path)).status == 401
        assert (await (await new_key(alice, "asset.read")).get(path)).status == 403
        assert (await (await new_key(alice, "folder.read")).get(path)).status == 200


async def test_a_link_shows_no_folders(alice, lay, share, visit):
    guest = visit(await share(assetIds=[await lay("/mnt/a/1.jpg")]))

    assert (await guest.get("/api/view/folder/unique-paths")).status == 403
    assert (await guest.get("/api/view/folder?path=/mnt/a")).status == 403


async def test_a_folder_must_be_named(alice):
    answer = await alice.get("/api/view/folder")

    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [["path"]]
