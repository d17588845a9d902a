"""/users: oneself and the others."""

from __future__ import annotations
