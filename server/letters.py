"""What e-mails say: text and HTML, from our words or an administrator's template."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import NamedTuple

from sync.config import EmailTemplates

PLACE = re.compile(r"\{(\w+)\}")
FRAME = """<!doctype html>
<html><body style="margin:0;background:#f5f5f4;font-family:system-ui,sans-serif;color:#1c1917">
<div style="max-width:36rem;margin:2rem auto;padding:2rem;background:#fff;border-radius:.75rem">
{body}
</div></body></html>
"""


class Letter(NamedTuple):
    subject: str
    text: str
    html: str


WELCOME = """Hello {displayName},

an account was made for you at {baseUrl}.

E-mail: {username}
Password: {password}

Log in, and choose a password of your own."""
ALBUM_INVITE = """Hello {recipientName},

{senderName} added you to the album {albumName}.

See it at {baseUrl}/albums/{albumId}"""
ALBUM_UPDATE = """Hello {recipientName},

there is more to see in the album {albumName}.

See it at {baseUrl}/albums/{albumId}"""
PLAIN = """Hello {recipientName},

{title}

{description}"""
TEST = """Hello {displayName},

this is a test: e-mails from {baseUrl} reach you."""

# Example values, for the look of a template.
SAMPLES = {
    "welcome": {
        "displayName": "John Doe",
        "username": "john@example.com",
        "password": "thisIsAPassword123",
    },
    "album-invite": {
        "albumId": "1",
        "albumName": "John Doe's Favorites",
        "senderName": "John Doe",
        "recipientName": "Jane Doe",
    },
    "album-update": {"albumId": "1", "albumName": "Favorite Photos", "recipientName": "Jane Doe"},
}


def write(name: str, values: Mapping[str, str], template: str = "") -> Letter:
    """A letter: `welcome`, `album-invite`, `album-update`, `notification` or `test`.

    An administrator's `template` is HTML with places like `{albumName}`; without it, our words.
    """
    subject, words = {
        "welcome": ("Welcome", WELCOME),
        "album-invite": ("You have been added to a shared album - {albumName}", ALBUM_INVITE),
        "album-update": ("New media has been added to an album - {albumName}", ALBUM_UPDATE),
        "notification": ("{title}", PLAIN),
        "test": ("Test email", TEST),
    }[name]
    text = _fill(words, values)
    escaped = {key: html.escape(value) for key, value in values.items()}
    body = _fill(template, escaped) if template else _paragraphs(text)
    return Letter(" ".join(_fill(subject, values).split()), text, FRAME.replace("{body}", body))


def template_of(name: str, templates: EmailTemplates) -> str:
    """The administrator's own, if any."""
    return {
        "welcome": templates.welcome_template,
        "album-invite": templates.album_invite_template,
        "album-update": templates.album_update_template,
    }.get(name, "")


def _fill(words: str, values: Mapping[str, str]) -> str:
    return PLACE.sub(lambda place: values.get(place[1], place[0]), words)


def _paragraphs(text: str) -> str:
    lines = (html.escape(part).replace("\n", "<br>") for part in text.split("\n\n"))
    return "\n".join(f"<p>{line}</p>" for line in lines)
