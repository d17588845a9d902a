"""How often a password, a PIN code or the password of a link may be guessed.

Each name has an allowance that fills up again: guessing gets slow, but nobody is locked out for
long. What is right costs nothing. The counters are in Postgres, so all processes share them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, IPv6Network, ip_address
from uuid import UUID

from aiohttp import web

from server.context import Context
from server.cookies import is_near
from sql import Database
from sync import guesses
from sync.actor import Actor
from sync.guesses import Allowance

IPV6_PREFIX = 64  # What one home has; who is in it can have any address of these.


@asynccontextmanager
async def guessing(database: Database, allowances: Sequence[Allowance]) -> AsyncIterator[None]:
    """Around the look at a secret. Raises TooMany; what is refused within was a wrong guess."""
    async with database.write() as tx:
        await guesses.spend(tx, allowances)
    yield
    async with database.write() as tx:
        await guesses.give_back(tx, allowances)


async def forget_guesses(context: Context) -> None:
    """A chore."""
    async with context.database.write() as tx:
        await guesses.forget(tx)


def at_login(request: web.Request, email: str) -> list[Allowance]:
    """Of an account from one address, so that a stranger cannot keep its owner out; of one
    address, whatever accounts it tries; and of an account, from however many addresses."""
    address = address_of(request)
    return [
        Allowance(f"login {address} {email}", 10, 15.0),
        Allowance(f"login {address}", 100, 2.0),
        Allowance(f"login {email}", 100, 1.0),
    ]


def at_secret(actor: Actor) -> list[Allowance]:
    """Of a PIN code, or a password, by who is logged in: there are but a million PIN codes."""
    credential = actor.session_id or actor.api_key_id
    return [
        Allowance(f"secret {actor.user_id} {credential}", 5, 60.0),
        Allowance(f"secret {actor.user_id}", 10, 30.0),
    ]


def at_link(request: web.Request, link_id: UUID) -> list[Allowance]:
    """Of a link's password: like a login, so that one guest does not keep the others out."""
    address = address_of(request)
    return [
        Allowance(f"link {address} {link_id}", 10, 15.0),
        Allowance(f"link {address}", 100, 2.0),
        Allowance(f"link {link_id}", 100, 1.0),
    ]


def address_of(request: web.Request) -> str:
    """Where a request comes from: as the proxies near us saw it, or as we do."""
    address = request.remote or ""
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
    while hops and is_near(address):
        hop = hops.pop().strip()
        if not _is_address(hop):
            break
        address = hop
    return _home(address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _home(address: str) -> str:
    if not _is_address(address):
        return address
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed.packed, IPV6_PREFIX), strict=False))
