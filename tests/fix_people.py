"""People, and faces that are theirs."""

from __future__ import annotations

import pytest

BOX = {"imageWidth": 400, "imageHeight": 300, "x": 100, "y": 60, "width": 80, "height": 100}


@pytest.fixture
def new_person(alice):
    """`await new_person("Anna")`: Alice's, if nobody else is named; the id."""

    async def new_person(name="", client=alice, **details):
        answer = await client.post("/api/people", {"name": name, **details})
        assert answer.status == 201, answer.data
        return answer.json["id"]

    return new_person


@pytest.fixture
def see(alice):
    """`await see(person, asset)`: that person's face is there; its id."""

    async def see(person_id, asset_id, client=alice, **box):
        known = {face["id"] for face in (await client.get("/api/faces", id=asset_id)).json}
        body = {"assetId": asset_id, "personId": person_id, **BOX, **box}
        answer = await client.post("/api/faces", body)
        assert (answer.status, answer.data) == (201, b""), answer.data
        faces = (await client.get("/api/faces", id=asset_id)).json
        (face_id,) = {face["id"] for face in faces} - known
        return face_id

    return see
