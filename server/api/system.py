"""/server: what this server is and offers."""

from __future__ import annotations
