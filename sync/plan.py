"""What one client lacks: for each feed, where its lines are found and what they ack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, TypedDict
from uuid import UUID

from sql.lines import Wanted
from sync.checkpoints import Ack
from sync.feeds import FEEDS, Feed
from sync.topics import EVERYONE

ANY_REACH = 9


class Grant(TypedDict):
    """An album or a partner's library in a user's view; or, gone, what was lost at `pos`."""

    kind: str
    key: UUID
    first: int  # when it first came into view: no copy holds what was gone by then
    since: int  # when it last did
    pos: int
    is_gone: bool


class Part(NamedTuple):
    """A feed and all its lines are found in, in the order of sending."""

    wanted: list[Wanted]
    ack: str  # of the last line: now all of it is there, up to the head
    is_shared: bool  # more than the user's own
    is_news: bool  # the ack matters even when there are no lines
    is_apart: bool = False  # lines of this type ack another cursor too


class Client(NamedTuple):
    """Who is asked for, and what is known of the copy there."""

    user_id: UUID
    acks: Mapping[str, Ack]
    grants: list[Grant]
    history: str  # what the positions in its acks belong to
    head: int


def plan(client: Client, requests: Collection[str]) -> list[Part]:
    """In stream order; feeds that are at the head already are left out.

    The app counts two requests for albums as one cursor of deletions, so a type comes once.
    """
    parts = []
    seen: set[str] = set()
    for feed in FEEDS:
        cursor = feed.cursor or feed.type
        if feed.request in requests and cursor not in seen:
            seen.add(cursor)
            after = _after(client, cursor)
            if after < client.head:
                parts.append(_plan_feed(client, feed, cursor, after))
    return parts


def _plan_feed(client: Client, feed: Feed, cursor: str, after: int) -> Part:
    ack = f"{cursor}|{client.history}."
    if feed.source in ("own", "public"):
        scope = EVERYONE if feed.source == "public" else client.user_id
        wanted = [_want(feed, scope, ack, after)]
        return Part(wanted, f"{ack}{client.head}", is_shared=False, is_news=False)
    kind = "partner_grant" if "partner" in feed.source else "album_grant"
    grants = [grant for grant in client.grants if grant["kind"] == kind]
    live = [grant for grant in grants if not grant["is_gone"]]
    lost = [grant for grant in grants if grant["is_gone"] and grant["pos"] > after]
    here = f"{ack}{after}"
    if feed.source.startswith("left"):
        found = [*_left(feed, live, lost, here, after)]
        is_news = bool(lost)
    elif feed.field is not None:
        found = [_want(feed, grant["key"], here, max(after, grant["first"])) for grant in live]
        is_news = False
    else:
        found = [*_granted(client, feed, live, here, after)]
        is_news = any(grant["since"] > after for grant in live)
    return Part(
        found, f"{ack}{client.head}", is_shared=True, is_news=is_news, is_apart=bool(feed.cursor)
    )


def _granted(
    client: Client, feed: Feed, grants: list[Grant], here: str, after: int
) -> Iterator[Wanted]:
    """First what changed in what was in view; it acks nothing until all is sent. Then, one after
    the other, what came into view, each acking how far it is: a cut costs a page, not all."""
    known = [grant for grant in grants if grant["since"] <= after]
    for grant in known:
        yield _want(feed, grant["key"], here, after)._replace(until=after)
    done = client.acks.get(feed.backfill)
    # At the first sync everything came into view; then the ordinary type says so.
    type_ = feed.backfill if after and feed.backfill else feed.type
    for grant in grants[len(known) :]:
        since, key = grant["since"], grant["key"]
        if not feed.backfill:
            yield _want(feed, key, here, 0)
        elif done and since < done.pos:
            mark = f"{feed.backfill}|{client.history}.{done.pos}.{done.part}.{done.ground}"
            yield _want(feed, key, mark, done.ground)._replace(type=type_, until=0)
        else:
            start = done.part if done and since == done.pos else 0
            ack = f"{feed.backfill}|{client.history}.{since}."
            yield _want(feed, key, ack, start)._replace(type=type_, tail=f".{client.head}", until=0)


def _left(
    feed: Feed, live: list[Grant], lost: list[Grant], here: str, after: int
) -> Iterator[Wanted]:
    """What went out of view: bit by bit, or with all that was in it."""
    for grant in live:
        known = max(after, grant["first"])
        gone = _want(feed, grant["key"], here, known)._replace(shape=feed.source)
        yield gone
        if feed.source == "left_partner":
            yield gone._replace(is_gone=False, below=2)
    for grant in lost:
        gone = _want(feed, grant["key"], here, max(after, grant["first"]))._replace(
            shape=feed.source, until=grant["pos"]
        )
        yield gone
        yield gone._replace(is_gone=False, after=0, below=ANY_REACH)


def _want(feed: Feed, scope: UUID, ack: str, after: int) -> Wanted:
    naming = f'{{"{feed.field}":"'
    if feed.source == "album" and feed.field:
        naming = f'{{"albumId":"{scope}","{feed.field}":"'
    return Wanted(
        shape=feed.shape,
        kind=feed.kind,
        scope=scope,
        is_gone=feed.field is not None,
        type=feed.type,
        naming=naming,
        ack=ack,
        tail="",
        after=after,
    )


def _after(client: Client, cursor: str) -> int:
    ack = client.acks.get(cursor)
    return ack.pos if ack else 0
