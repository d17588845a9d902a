"""/trash: what was thrown away and may come back."""

from __future__ import annotations
