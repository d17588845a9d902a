"""A look, and a push, at the tables behind the server's back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

Rows = list[dict[str, Any]]


@pytest.fixture
def query(database) -> Callable[..., Awaitable[Rows]]:
    async def query(statement: str, *values: Any) -> Rows:
        async with database.read() as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()

    return query


@pytest.fixture
def execute(database) -> Callable[..., Awaitable[None]]:
    async def execute(statement: str, *values: Any) -> None:
        async with database.read() as connection:
            await connection.execute(statement.encode(), values)

    return execute
