"""/partners: whole libraries shared with another user."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from server.body import Body, Id
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire.accounts import show_user
from sql import reads
from sync.operations import partners

Direction = Literal["shared-by", "shared-with"]


class PartnerSearch(Body):
    direction: Direction


class PartnerCreate(Body):
    shared_with_id: Id


class PartnerUpdate(Body):
    in_timeline: bool


@endpoint("GET", "/partners", permission="partner.read", query=PartnerSearch)
async def get_partners(call: Call) -> Json:
    return await _list(call, call.query.direction)


@endpoint("POST", "/partners", permission="partner.create", body=PartnerCreate, status=201)
async def create_partner(call: Call) -> Json:
    return await _create(call, call.body.shared_with_id)


@endpoint("POST", "/partners/{id}", permission="partner.create", status=201)
async def create_partner_deprecated(call: Call) -> Json:
    return await _create(call, call.ids["id"])


@endpoint("PUT", "/partners/{id}", permission="partner.update", body=PartnerUpdate)
async def update_partner(call: Call) -> Json:
    async with call.context.database.write() as tx:
        await partners.update_partner(
            tx, call.actor, call.ids["id"], in_timeline=call.body.in_timeline
        )
    return await _show(call, "shared-with", call.ids["id"])


@endpoint("DELETE", "/partners/{id}", permission="partner.delete")
async def remove_partner(call: Call) -> None:
    async with call.context.database.write() as tx:
        await partners.delete_partner(tx, call.actor, call.ids["id"])


async def _create(call: Call, user_id: UUID) -> Json:
    async with call.context.database.write() as tx:
        await partners.create_partner(tx, call.actor, user_id)
    return await _show(call, "shared-by", user_id)


async def _show(call: Call, direction: Direction, user_id: UUID) -> Json:
    return next(one for one in await _list(call, direction) if one["id"] == user_id)


async def _list(call: Call, direction: Direction) -> list[dict[str, object]]:
    """PartnerResponseDto of each: who is on the other side."""
    async with call.context.database.read() as connection:
        rows = await reads.partners.list_sides(
            connection, user_id=call.actor.user_id, is_shared_by=direction == "shared-by"
        )
    return [{**show_user(row), "inTimeline": row["in_timeline"]} for row in rows]
