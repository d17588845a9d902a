"""/assets: photos and videos."""

from __future__ import annotations
