"""Who is acting."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class Link(NamedTuple):
    """A shared link: what it lets do whoever has it, in the name of who made it."""

    id: UUID
    album_id: UUID | None  # None: of single assets
    is_upload_allowed: bool
    is_download_allowed: bool
    is_metadata_shown: bool
    is_open: bool = True  # it has no password, or it was given


class Actor(NamedTuple):
    """A user, and by what credential: a session, an API key, a link, or none (the command line)."""

    user_id: UUID
    is_admin: bool = False
    session_id: UUID | None = None
    api_key_id: UUID | None = None
    is_elevated: bool = False  # the session was unlocked with the PIN code
    permissions: frozenset[str] | None = None  # of an API key; None: all there are
    link: Link | None = None  # then `user_id` is who made it
