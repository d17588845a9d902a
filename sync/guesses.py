"""Guesses at secrets: how many are left, over all processes of a server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from sql import Transaction, reads, writes
from sync.errors import TooMany

FORGOTTEN_AFTER = timedelta(days=1)  # Longer than any allowance takes to fill up.


class Allowance(NamedTuple):
    """So many guesses at once, and another after each so many seconds: nobody is locked out for
    longer than that."""

    name: str
    size: int
    refill_seconds: float


async def spend(tx: Transaction, allowances: Sequence[Allowance]) -> None:
    """Use up one of each, before the guess is looked at. Raises TooMany."""
    for one in sorted(allowances):  # In one order, so that no two wait for each other.
        if not await writes.guesses.spend(
            tx, name=one.name, size=one.size, refill_seconds=one.refill_seconds
        ):
            rest = await reads.guesses.get_rest(tx, name=one.name)
            wait_seconds = one.refill_seconds * (1 - rest["rest"]) - rest["age_seconds"]
            raise TooMany("Too many attempts, please try again later", wait_seconds=wait_seconds)


async def give_back(tx: Transaction, allowances: Sequence[Allowance]) -> None:
    """It was right."""
    for one in sorted(allowances):
        await writes.guesses.give_back(tx, name=one.name)


async def forget(tx: Transaction) -> None:
    await writes.guesses.forget(tx, age=FORGOTTEN_AFTER)
