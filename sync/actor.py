"""Who is acting."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class Actor(NamedTuple):
    """A user, and by what credential: a session, an API key, or neither (the command line)."""

    user_id: UUID
    is_admin: bool = False
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    is_elevated: bool = False  # the session was unlocked with the PIN code
    permissions: frozenset[str] | None = None  # of an API key; None: all there are
