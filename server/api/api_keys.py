"""/api-keys: keys for programs."""

from __future__ import annotations
