"""/people: who turn out to be one person, and faces that turn out to be another's."""

from __future__ import annotations

import pytest

from sync import log
from tests.api.test_people import NOT_UPDATED, UNKNOWN, shown

# Who is one person.


@pytest.fixture(params=["merge", "legacy"])
def merge(request, alice):
    """Both forms: all ids in the body, or the first of them in the path."""

    async def merge(ids, client=alice):
        if request.param == "merge":
            return await client.post("/api/people/merge", {"ids": ids})
        return await client.post(f"/api/people/{ids[0]}/merge", {"ids": ids[1:]})

    return merge


async def test_who_is_merged_gives_faces_and_what_only_they_were_known_by(
    alice, bob, add, new_person, see, merge, following, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    target = await new_person("")
    others = [
        await new_person(""),
        await new_person("Anna"),
        await new_person("Anne", birthDate="1990-01-02"),
        await new_person("Annette", birthDate="1991-01-02"),
    ]
    foreign = await new_person("Bert", client=bob)
    assets = [await add() for _ in others]
    for person, asset_id in zip(others, assets, strict=True):
        await see(person, asset_id)

    answer = await merge([target, *others[:2], foreign, *others[2:], UNKNOWN])

    assert answer.status == 200
    denied = {"success": False, "error": "no_permission"}
    assert answer.json == [
        *({"id": id_, "success": True} for id_ in others[:2]),
        {"id": foreign, **denied},
        *({"id": id_, "success": True} for id_ in others[2:]),
        {"id": UNKNOWN, **denied},
    ]
    person = await shown(alice, target)
    assert (person["name"], person["birthDate"]) == ("Anna", "1990-01-02")
    assert (await alice.get(f"/api/people/{target}/statistics")).json == {"assets": 4}
    for gone in others:
        assert (await alice.get(f"/api/people/{gone}")).status == 400
    assert (await shown(bob, foreign))["name"] == "Bert"
    rows = await following()
    assert len(rows["person"]) == 1
    assert {face["personId"] for face in rows["face"].values()} == {target}


async def test_what_is_known_already_stays(alice, new_person, merge):
    target = await new_person("Anna", birthDate="1990-01-02")
    other = await new_person("Bert", birthDate="1991-01-02")

    assert (await merge([target, other])).json == [{"id": other, "success": True}]

    person = await shown(alice, target)
    assert (person["name"], person["birthDate"]) == ("Anna", "1990-01-02")


async def test_nobody_is_merged_into_themselves_or_alone(alice, new_person, merge):
    anna, bert = await new_person("Anna"), await new_person("Bert")

    for ids in ([anna, anna], [anna, bert, bert]):
        answer = await merge(ids)
        assert (answer.status, answer.message) == (400, "Cannot merge a person into themselves")
    answer = await merge([anna])
    assert answer.status == 400
    assert answer.message == "At least two people are required for merging"


async def test_the_first_who_is_ones_own_is_kept(alice, bob, new_person):
    foreign = await new_person("Bert", client=bob)
    anna, anne = await new_person("Anna"), await new_person("Anne")
    denied = {"success": False, "error": "no_permission"}

    answer = await alice.post("/api/people/merge", {"ids": [foreign, anna, anne]})
    none = await bob.post("/api/people/merge", {"ids": [anna, UNKNOWN]})
    legacy = await alice.post(f"/api/people/{foreign}/merge", {"ids": [anna]})

    assert answer.json == [{"id": foreign, **denied}, {"id": anne, "success": True}]
    assert none.json == [{"id": anna, **denied}, {"id": UNKNOWN, **denied}]
    assert (legacy.status, legacy.message) == (400, "Not found or no person.merge access")
    assert (await shown(alice, anna))["name"] == "Anna"


# Whose faces are another's.


async def test_faces_are_given_to_another(alice, add, new_person, see, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    anna, bert = await new_person("Anna"), await new_person("Bert")
    assets = [await add() for _ in range(4)]
    for asset_id in assets:
        await see(anna, asset_id)

    answer = await alice.put(
        f"/api/people/{bert}/reassign",
        {
            "data": [
                *({"assetId": asset_id, "personId": anna} for asset_id in assets[:3]),
                {"assetId": UNKNOWN, "personId": anna},
            ]
        },
    )

    assert answer.status == 200
    assert [person["id"] for person in answer.json] == [bert] * 4
    for person, count in ((anna, 1), (bert, 3)):
        assert (await alice.get(f"/api/people/{person}/statistics")).json == {"assets": count}
    rows = await following()
    assert {row["faceAssetId"] for row in rows["person"].values()} <= {
        key for (key,) in rows["face"]
    }


async def test_only_ones_own_faces_are_given_to_ones_own_people(alice, bob, add, new_person, see):
    anna, bert = await new_person("Anna"), await new_person("Bert", client=bob)
    asset_id, foreign = await add(), await add(client=bob)
    await see(anna, asset_id)
    await see(bert, foreign, client=bob)

    async def give(client, person_id, asset_id, former_id):
        answer = await client.put(
            f"/api/people/{person_id}/reassign",
            {"data": [{"assetId": asset_id, "personId": former_id}]},
        )
        assert answer.status == 400
        return answer.message

    assert await give(alice, anna, foreign, bert) == "Not found or no person.create access"
    assert await give(alice, bert, asset_id, anna) == NOT_UPDATED
    assert await give(alice, UNKNOWN, asset_id, anna) == NOT_UPDATED
    for person, client in ((anna, alice), (bert, bob)):
        assert (await client.get(f"/api/people/{person}/statistics")).json == {"assets": 1}
