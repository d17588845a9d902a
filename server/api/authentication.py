"""/auth: signing up, logging in and out."""

from __future__ import annotations
