"""What can be wrong with a file, in words for a person."""

from __future__ import annotations

from sync.worker import Hopeless


class UnreadableImage(Hopeless):
    """Nothing can be made from this file; the message tells why."""
