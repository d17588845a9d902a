"""Two users, and nothing that runs by itself."""

from __future__ import annotations

import pytest

from tests.sync.library import new_user


@pytest.fixture
async def alice(database):
    return await new_user(database, "Alice")


@pytest.fixture
async def bob(database):
    return await new_user(database, "Bob")
