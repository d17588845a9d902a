"""The official web app's own library and socket, in its order of calls, against the whole product.

A build of the web app itself is not published as a package; these are its calls.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from tests import contract
from tests.clients import folders
from tests.clients.conftest import EMAIL, PASSWORD
from tests.media.pictures import scene
from tests.server.serving import Instance

BOB = "bob@example.org"
PHOTOS = Path("../shared/photos")  # more pictures, where they are
REAL = [
    path
    for pattern in ("cameras/*_[0-3].jpg", "formats/heic/*", "formats/avif/*", "formats/png/*")
    for path in sorted(PHOTOS.glob(pattern))
]
UNDECLARED = "includeNull=true"  # Immich ends these suggestions with a null, against its contract
_widths = itertools.count(300)


@pytest.fixture
def web(node, tmp_path):
    """Run a scenario; what it was answered is held against the contract."""

    async def web(scenario: str, url: str, **details: object) -> None:
        answers = tmp_path / "answers"
        told = {"url": url, "answers": str(answers), "email": EMAIL, "password": PASSWORD}
        ended = await node(f"web/{scenario}.mjs", WEB=json.dumps(told | details))
        assert ended.status == 0, ended.text
        for line in answers.read_text().splitlines():
            one = json.loads(line)
            if UNDECLARED in one["search"]:
                continue
            body = one["body"].encode()
            contract.check(one["method"], one["path"], one["status"], one["type"], body)

    return web


@pytest.fixture(scope="module")
def bob(served):
    """Somebody else."""
    details = {"email": BOB, "name": "Bob", "password": PASSWORD, "shouldChangePassword": False}
    served.post("/admin/users", details, **{"x-api-key": served.key})
    return BOB


@pytest.fixture
def draw(tmp_path, request):
    """Draw pictures of one camera for a scenario, no two ever alike."""

    def draw(count: int) -> list[str]:
        scenario = request.node.callspec.params["scenario"]
        paths = [tmp_path / f"{scenario}-{number}.jpg" for number in range(count)]
        for path in paths:
            folders.save(scene(next(_widths), 200), path)
        return [str(path) for path in paths]

    return draw


async def test_the_first_visit(web, tmp_path):
    instance = Instance(tmp_path / "data")
    try:
        await web("first_visit", instance.await_ready())
    finally:
        instance.close()


async def test_uploading(web, served, tmp_path):
    folder = tmp_path / "photos"
    folders.fill(folder)
    pictures = [path for path in folder.rglob("*.*") if path.suffix not in (".xmp", ".txt")]
    pictures += REAL
    still, motion = tmp_path / "live.jpg", tmp_path / "live.mov"
    folders.save(scene(next(_widths), 200), still)
    motion.write_bytes(b"\0\0\0\x14ftypqt  \0\0\0\0qt  " + still.read_bytes())
    await web(
        "uploading",
        served.url,
        pictures=[str(path.resolve()) for path in pictures],
        still=str(still),
        motion=str(motion),
    )


@pytest.mark.parametrize(
    "scenario",
    [
        "administering",
        "albums",
        "changing",
        "links",
        "organising",
        "partners",
        "searching",
        "timeline",
        "trash",
    ],
)
async def test_a_page(web, served, bob, draw, scenario):
    await web(scenario, served.url, bob=bob, pictures=draw(6))
