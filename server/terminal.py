"""What anybody may have written, as an administrator reads it in a terminal."""

from __future__ import annotations


def plain(text: str) -> str:
    """On one line, and nothing that a terminal obeys: a name may hold either, and would then look
    like an entry of its own, or hide one."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
