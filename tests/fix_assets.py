"""Assets of the people in a test, uploaded as an app would."""

from __future__ import annotations

from itertools import count

import pytest

PHOTO = b"\xff\xd8\xff" + bytes(range(256))
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256))
CONTENTS = count()


@pytest.fixture
def add(alice):
    """`await add()`: upload something new, Alice's if nobody else is named; its id."""

    async def add(name="a.jpg", client=alice, **fields):
        start = VIDEO if name.endswith(("mp4", "mov")) else PHOTO
        answer = await client.upload(start + b"%d" % next(CONTENTS), name, **fields)
        assert answer.status == 201, answer.data
        return answer.json["id"]

    return add
