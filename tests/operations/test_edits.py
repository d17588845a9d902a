"""Edits of pictures, and the text that is read in them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sync.errors import Invalid, NoAccess
from sync.operations import edits, findings, renditions
from sync.operations.edits import Edit
from sync.operations.findings import Text
from tests.sync.library import FOUND, ask, ask_one, new_asset, sequence

CROP = Edit("crop", {"x": 1, "y": 2, "width": 30, "height": 20})
TURN = Edit("rotate", {"angle": 90})
FLIP = Edit("mirror", {"axis": "horizontal"})


@pytest.fixture
async def asset_id(database, alice):
    asset_id = await new_asset(database, alice)
    async with database.write() as tx:
        await renditions.record_metadata(tx, asset_id, FOUND)
    return asset_id


@pytest.fixture
def made(database):
    async def made():
        rows = await ask(database, "SELECT * FROM asset_edit ORDER BY sequence")
        assert [row["sequence"] for row in rows] == list(range(len(rows)))
        return [Edit(row["action"], row["parameters"]) for row in rows]

    return made


async def test_edits_have_an_order_and_replace_those_before(database, alice, asset_id, do, made):
    first = await do(edits.set_edits, alice, asset_id, [CROP, TURN])
    assert await made() == [CROP, TURN]
    assert await ask_one(database, "SELECT is_edited FROM asset") is True
    await do(edits.set_edits, alice, asset_id, [CROP, FLIP, TURN])
    assert await made() == [CROP, FLIP, TURN]
    gone = "SELECT count(*) FROM state WHERE kind = 'asset_edit' AND is_gone AND key = ANY(%s)"
    assert await ask_one(database, gone, first) == 2


async def test_a_picture_is_shown_as_it_was_taken_again(database, alice, asset_id, do, made):
    await do(edits.set_edits, alice, asset_id, [CROP])
    await do(edits.remove_edits, alice, asset_id)
    assert await made() == []
    assert await ask_one(database, "SELECT is_edited FROM asset") is False
    await do(edits.remove_edits, alice, asset_id)


async def test_only_single_pictures_of_ones_own_are_edited(database, alice, bob, asset_id, refused):
    video = await new_asset(database, alice, type="VIDEO")
    moving = await new_asset(database, alice, live_photo_video_id=video)
    locked = await new_asset(database, alice, visibility="locked")
    await sequence(database)
    await refused(Invalid, edits.set_edits, alice, asset_id, [])
    await refused(Invalid, edits.set_edits, alice, video, [TURN], match="images")
    await refused(Invalid, edits.set_edits, alice, moving, [TURN], match="live photos")
    for actor, one in ((bob, asset_id), (alice, uuid4()), (alice, locked)):
        await refused(NoAccess, edits.set_edits, actor, one, [TURN])
        await refused(NoAccess, edits.remove_edits, actor, one)


def a_text(text: str) -> Text:
    return Text(text, (0.1, 0.2, 0.3, 0.2, 0.3, 0.4, 0.1, 0.4), 0.9, 0.8)


async def test_text_that_is_read_again_replaces_what_was_read(database, asset_id, do):
    await do(findings.record_ocr, asset_id, [a_text("exit"), a_text('"fire"\t')])
    rows = await ask(database, "SELECT text, corners, box_score FROM asset_ocr")
    assert {row["text"] for row in rows} == {"exit", '"fire"\t'}
    assert rows[1]["corners"] == list(a_text("").corners)
    await do(findings.record_ocr, asset_id, [a_text("exit")])
    assert await ask_one(database, "SELECT count(*) FROM asset_ocr") == 1
    await do(findings.record_ocr, asset_id, [])
    living = "SELECT count(*) FROM state WHERE kind = 'asset_ocr' AND NOT is_gone"
    assert await ask_one(database, living) == 0


async def test_what_is_read_in_a_deleted_picture_is_dropped(database, do):
    await do(findings.record_ocr, uuid4(), [a_text("exit")])
    assert await ask(database, "SELECT id FROM asset_ocr") == []
