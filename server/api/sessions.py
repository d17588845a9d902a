"""/sessions: where a user is logged in."""

from __future__ import annotations
