"""What tests ask of shared links."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def path(link):
    return f"/api/shared-links/{link['id']}"


def ids(assets):
    return [asset["id"] for asset in assets]


def in_an_hour():
    moment = datetime.now(UTC) + timedelta(hours=1)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def show(client, link):
    answer = await client.get(path(link))
    assert answer.status == 200, answer.data
    return answer.json


async def change(client, link, **fields):
    return await client.call("PATCH", path(link), json=fields)
