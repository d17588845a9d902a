"""The library under the official web client and CLI: what it calls first, and what it refuses."""

from __future__ import annotations

import json

from tests.clients.conftest import EMAIL, PASSWORD


async def test_what_the_web_client_calls_first(node, served):
    ended = await node("sdk.mjs", served.url, EMAIL, PASSWORD)

    assert ended.status == 0, ended.text
    assert json.loads(ended.text) == {
        "statuses": ["created", "duplicate"],
        "isSameAsset": True,
        "isSameUser": True,
        "isInitialized": True,
        "name": 'größer als 3".jpg',
        "isWhole": True,
        "restored": 1,
        "refusal": [400, "Not found or no asset.read access"],
        "successful": True,
        "objects": ["object"] * 7,
    }
