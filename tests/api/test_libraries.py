"""Libraries are administrators' business; their originals are never touched."""

from __future__ import annotations

import os
from uuid import uuid4

import psycopg
import pytest

from server import libraries
from server.context import Context
from sync.config import Config
from sync.operations import libraries as operations

DATA_FOLDER = "Cannot use media upload folder for external libraries"
MANY = [f"/{number}" for number in range(129)]


@pytest.fixture
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photos")


@pytest.fixture
async def library(admin, alice):
    answer = await admin.post("/api/libraries", {"ownerId": alice.user["id"], "name": "NAS"})
    assert answer.status == 201
    return answer.json


@pytest.fixture
def put_in(dsn, add, folder):
    """Have an asset of a file in the library, as a scan would."""

    async def put_in(library, name="a.jpg"):
        asset_id = await add(name)
        original = folder / name
        original.write_bytes(b"a photo")
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(
                "UPDATE asset SET library_id = %s, original_key = %s WHERE id = %s",
                (library["id"], str(original), asset_id),
            )
        return asset_id, original

    return put_in


@pytest.mark.parametrize(
    ("method", "tail", "permission", "body"),
    [
        ("GET", "", "library.read", None),
        ("GET", "/{id}", "library.read", None),
        ("PUT", "/{id}", "library.update", {"name": "B"}),
        ("PATCH", "/{id}", "library.update", {"name": "B"}),
        ("GET", "/{id}/statistics", "library.statistics", None),
        ("POST", "/{id}/validate", "all", {}),
        ("DELETE", "/{id}", "library.delete", None),
    ],
)
async def test_only_administrators_have_them(
    admin, alice, anonymous, new_key, library, method, tail, permission, body
):
    path = f"/api/libraries{tail.format(**library)}"

    async def ask(client):
        return await client.call(method, path, json=body)

    assert (await ask(anonymous)).status == 401
    refused = await ask(alice)  # though it is hers
    assert (refused.status, refused.message) == (403, "Forbidden")
    narrow = await ask(await new_key(admin, "asset.read"))
    assert (narrow.status, narrow.message) == (403, f"Missing required permission: {permission}")
    assert (await ask(await new_key(admin, permission))).status in (200, 204)


async def test_nor_do_others_create_or_scan_them(admin, alice, anonymous, new_key, library):
    body = {"ownerId": alice.user["id"]}
    scan = f"/api/libraries/{library['id']}/scan"
    for client, status in ((anonymous, 401), (alice, 403), (await new_key(admin, "all"), 201)):
        assert (await client.post("/api/libraries", body)).status == status
    for client, status in ((anonymous, 401), (alice, 403), (admin, 400)):
        assert (await client.post(scan)).status == status


async def test_one_is_created_as_it_is_described(admin, alice, folder):
    body = {
        "ownerId": alice.user["id"],
        "name": "NAS",
        "importPaths": [str(folder), "/not/there/yet"],
        "exclusionPatterns": ["**/Raw/**"],
    }

    library = (await admin.post("/api/libraries", body)).json

    assert {name: library[name] for name in body} == body
    assert (library["assetCount"], library["refreshedAt"]) == (0, None)
    assert (await admin.get("/api/libraries")).json == [library]
    assert (await admin.get(f"/api/libraries/{library['id']}")).json == library


async def test_it_needs_no_more_than_an_owner(admin, alice):
    library = (await admin.post("/api/libraries", {"ownerId": alice.user["id"]})).json
    assert library["name"] == "New External Library"
    assert (library["importPaths"], library["exclusionPatterns"]) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [{}, {"ownerId": "a"}, {"name": ""}, {"importPaths": MANY}, {"exclusionPatterns": [""]}],
)
async def test_wrong_descriptions_are_named(admin, alice, wrong):
    body = wrong if wrong in ({}, {"ownerId": "a"}) else {"ownerId": alice.user["id"], **wrong}
    answer = await admin.post("/api/libraries", body)
    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"][0] == next(iter(wrong), "ownerId")


async def test_nobody_owns_what_nobody_has(admin):
    answer = await admin.post("/api/libraries", {"ownerId": str(uuid4())})
    assert (answer.status, answer.message) == (400, "User not found")


@pytest.mark.parametrize("field", ["importPaths", "exclusionPatterns"])
async def test_nothing_is_said_twice(admin, alice, library, field):
    message = f"All {field}'s elements must be unique"
    twice = {field: ["/a", "/a"]}
    for answer in (
        await admin.post("/api/libraries", {"ownerId": alice.user["id"], **twice}),
        await admin.put(f"/api/libraries/{library['id']}", twice),
        await admin.post(f"/api/libraries/{library['id']}/validate", twice),
    ):
        assert (answer.status, answer.message) == (400, message)


async def test_what_is_changed_is_changed_alone(admin, library, folder):
    path = f"/api/libraries/{library['id']}"
    renamed = (await admin.put(path, {"name": "Attic"})).json
    assert renamed == library | {"name": "Attic", "updatedAt": renamed["updatedAt"]}
    assert renamed["updatedAt"] > library["updatedAt"]

    changed = (await admin.call("PATCH", path, json={"importPaths": [str(folder)]})).json
    assert (changed["name"], changed["importPaths"]) == ("Attic", [str(folder)])
    cleared = (await admin.put(path, {"importPaths": []})).json
    assert cleared["importPaths"] == []


@pytest.fixture
def bad(folder, root):
    """Folders of which no library can be made, and why."""
    file = folder / "file"
    file.write_bytes(b"")
    (folder / "link").symlink_to(root)
    (root / "upload").mkdir(exist_ok=True)
    return {
        str(folder / "gone"): "Path does not exist (ENOENT)",
        str(file): "Not a directory",
        str(root): DATA_FOLDER,
        str(root / "upload"): DATA_FOLDER,
        f"{folder}/../{root.name}/upload"
        if folder.parent == root.parent
        else str(root): DATA_FOLDER,
        str(folder / "link"): DATA_FOLDER,
        str(root.parent): DATA_FOLDER,
        "/": DATA_FOLDER,
    }


async def test_folders_are_judged_one_by_one(admin, library, folder, bad):
    paths = [str(folder), *bad]

    answer = await admin.post(f"/api/libraries/{library['id']}/validate", {"importPaths": paths})

    assert answer.json["importPaths"] == [
        {"importPath": str(folder), "isValid": True},
        *({"importPath": path, "isValid": False, "message": bad[path]} for path in bad),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_folder_that_cannot_be_read_is_none(admin, library, folder):
    folder.chmod(0)
    answer = await admin.post(
        f"/api/libraries/{library['id']}/validate", {"importPaths": [str(folder)]}
    )
    folder.chmod(0o700)
    assert answer.json["importPaths"][0]["message"] == "Lacking read permission for folder"


async def test_a_library_is_not_given_such_folders(admin, alice, library, bad):
    for path, problem in bad.items():
        answer = await admin.put(f"/api/libraries/{library['id']}", {"importPaths": [path]})
        assert (answer.status, answer.message) == (400, f"Invalid import path: {problem}")
        if problem == DATA_FOLDER:
            body = {"ownerId": alice.user["id"], "importPaths": [path]}
            assert (await admin.post("/api/libraries", body)).status == 400
    assert (await admin.get("/api/libraries")).json == [library]


async def test_a_path_leads_from_the_top(admin, library):
    answer = await admin.post(
        f"/api/libraries/{library['id']}/validate", {"importPaths": ["photos"]}
    )
    (found,) = answer.json["importPaths"]
    assert found["message"].startswith("Import path must be absolute, try /")


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"name": "B"}),
        ("DELETE", "", None),
        ("GET", "/statistics", None),
        ("POST", "/validate", {}),
        ("POST", "/scan", None),
    ],
)
async def test_what_is_not_there_is_not_found(admin, library, method, tail, body):
    deleted = library["id"]
    await admin.delete(f"/api/libraries/{deleted}")
    for id_ in (deleted, str(uuid4())):
        answer = await admin.call(method, f"/api/libraries/{id_}{tail}", json=body)
        assert (answer.status, answer.message) == (400, "Library not found")


async def test_statistics_are_of_its_assets(admin, add, library, put_in):
    await put_in(library)
    await put_in(library, "b.mp4")
    await add()

    answer = (await admin.get(f"/api/libraries/{library['id']}/statistics")).json

    assert (answer["photos"], answer["videos"], answer["total"]) == (1, 1, 2)
    assert answer["usage"] > 0
    assert (await admin.get(f"/api/libraries/{library['id']}")).json["assetCount"] == 2


async def test_scanning_says_that_it_is_not_there(admin, library):
    answer = await admin.post(f"/api/libraries/{library['id']}/scan")
    assert (answer.status, answer.message) == (
        400,
        "Scanning external libraries is not available yet",
    )


async def test_when_it_goes_its_assets_go_and_their_originals_stay(
    admin, alice, add, library, put_in, database, root, monkeypatch
):
    kept = await add()
    there = [await put_in(library, f"{number}.jpg") for number in range(3)]
    trashed, _ = there[0]
    await alice.delete("/api/assets", {"ids": [trashed]})
    monkeypatch.setattr(operations, "IDS_MAX", 2)

    assert (await admin.delete(f"/api/libraries/{library['id']}")).status == 204

    assert (await admin.get("/api/libraries")).json == []
    # The server is at it; done here as well, it is surely done when this is.
    while await database_has(database, library):
        await libraries.remove_deleted(Context(database, root, None, Config()))
    for asset_id, original in there:
        assert (await alice.get(f"/api/assets/{asset_id}")).status == 400
        assert original.read_bytes() == b"a photo"
    assert (await alice.get(f"/api/assets/{kept}")).status == 200


async def database_has(database, library):
    async with database.read() as connection:
        cursor = await connection.execute(
            "SELECT EXISTS (SELECT FROM library WHERE id = %s) AS it_is", (library["id"],)
        )
        return (await cursor.fetchone())["it_is"]
