"""Calendar heatmaps: each day of a while, and how much is of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

MINE = "/api/users/me/calendar-heatmap"


def theirs(client):
    return f"/api/admin/users/{client.user['id']}/calendar-heatmap"


async def show(client, path=MINE, **query):
    answer = await client.get(path, **query)
    assert answer.status == 200, answer.data
    return answer.json


def counted(shown):
    return {day["date"]: day["count"] for day in shown["series"] if day["count"]}


async def test_every_day_has_a_place(alice, add):
    await add()
    await change(alice, await add(), dateTimeOriginal="2024-03-01T00:30:00.000+02:00")
    await change(alice, await add(), dateTimeOriginal="2024-02-28T23:30:00.000-05:00")
    query = {"type": "Taken", "from": "2024-02-28", "to": "2024-03-01"}

    assert await show(alice, **query) == {
        "from": "2024-02-28",
        "to": "2024-03-01",
        "series": [
            {"date": "2024-02-28", "count": 1},
            {"date": "2024-02-29", "count": 0},
            {"date": "2024-03-01", "count": 1},
        ],
        "totalCount": 2,
    }


async def test_the_uploads_of_a_year_are_shown_unless_asked_otherwise(alice, add, execute):
    recent, _ = await add(), await add()
    await execute("UPDATE asset SET created_at = '2020-01-01' WHERE id <> %s", recent)
    today = datetime.now(UTC).date()

    shown = await show(alice)

    assert date.fromisoformat(shown["to"]) - today <= timedelta(days=1)
    assert len(shown["series"]) == 52 * 7
    assert (shown["series"][0]["date"], shown["series"][-1]["date"]) == (
        shown["from"], shown["to"],
    )  # fmt: skip
    assert shown["totalCount"] == 1
    assert counted(await show(alice, **{"to": "2020-01-01"})) == {"2020-01-01": 1}


async def test_what_no_list_shows_is_not_counted(alice, add):
    await add(visibility="archive")
    for visibility in ("hidden", "locked"):
        await add(visibility=visibility)
    await alice.delete("/api/assets", {"ids": [await add()]})

    assert (await show(alice))["totalCount"] == 1


async def test_administrators_see_those_of_others(admin, alice, bob, add):
    await add()

    assert await show(admin, theirs(alice)) == await show(alice)
    assert await show(alice, theirs(alice)) == await show(alice)
    answer = await bob.get(theirs(alice))
    assert (answer.status, answer.message) == (403, "Forbidden")
    answer = await admin.get(f"/api/admin/users/{uuid4()}/calendar-heatmap")
    assert (answer.status, answer.message) == (400, "User not found")


async def test_a_key_needs_the_right_to_read_users(alice, anonymous, new_key):
    for path in (MINE, theirs(alice)):
        assert (await anonymous.get(path)).status == 401
        assert (await (await new_key(alice, "asset.read")).get(path)).status == 403
        assert (await (await new_key(alice, "user.read")).get(path)).status == 200


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"from": "2024-02-30"}, "from"),
        ({"to": "20240101"}, "to"),
        ({"to": "2024-W01-1"}, "to"),
        ({"from": "2024-01-02", "to": "2024-01-01"}, "from"),
        ({"from": "0001-01-01", "to": "9999-12-31"}, "from"),
        ({"type": "Seen"}, "type"),
    ],
)
async def test_what_makes_no_sense_is_refused(alice, query, path):
    answer = await alice.get(MINE, **query)

    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [[path]]


async def test_the_beginning_of_time_is_no_mistake(alice):
    shown = await show(alice, to="0001-01-02")

    assert (shown["from"], shown["to"]) == ("0001-01-01", "0001-01-02")


async def change(client, asset_id, **fields):
    assert (await client.put(f"/api/assets/{asset_id}", fields)).status == 200
