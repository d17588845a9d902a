"""What a client says of the device it runs on."""

from __future__ import annotations

import re
from typing import NamedTuple

import ua_parser
from aiohttp import web

APP = re.compile(r"immich[-_](?:android|ios|unknown)[/_](?P<version>[\w.+-]{1,32})", re.I)
NAME_CHARACTERS_MAX = 200


class Device(NamedTuple):
    type: str  # the browser, or the model of the phone
    os: str
    app_version: str | None


def describe(request: web.Request) -> Device:
    agent = request.headers.get("User-Agent", "")
    found = ua_parser.parse(agent)
    browser = found.user_agent.family if found.user_agent else ""
    model = found.device.family if found.device else ""
    system = found.os.family if found.os else ""
    return Device(
        type=_clean(browser or model or request.headers.get("deviceModel", "")),
        os=_clean(system or request.headers.get("deviceType", "")),
        app_version=app_version(agent),
    )


def _clean(text: str) -> str:
    """Short, and whole: bytes of a header that are no text become question marks."""
    return text.encode(errors="replace").decode()[:NAME_CHARACTERS_MAX]


def app_version(agent: str) -> str | None:
    """Of the mobile app: `immich-android/3.1.0`, in older ones `Immich_Android_1.94.0`."""
    match = APP.search(agent)
    return match["version"] if match else None
