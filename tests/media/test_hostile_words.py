"""Whatever words a file or a sidecar holds, its picture is shown."""

from __future__ import annotations

import asyncio
import random
import string
from pathlib import Path

import pytest

from tests.fix_media import Library
from tests.media import pictures
from tests.media.pictures import scene

# Nothing that Postgres could make small.
LONG = "".join(random.Random(1).choices(string.ascii_letters, k=30_000))
PACKET = """<?xml version="1.0"{declared}?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:aux="http://ns.adobe.com/exif/1.0/aux/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:digiKam="http://www.digikam.org/ns/1.0/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#">{inner}</rdf:Description></rdf:RDF>
</x:xmpmeta>"""
REGION = """<mwg-rs:Regions rdf:parseType="Resource">
 <mwg-rs:AppliedToDimensions stDim:w="60" stDim:h="40" stDim:unit="pixel"/>
 <mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="Face">
 <mwg-rs:Area stArea:x="0.5" stArea:y="0.5" stArea:w="0.2" stArea:h="0.2"
 stArea:unit="normalized"/></rdf:Description></rdf:li></rdf:Bag></mwg-rs:RegionList>
</mwg-rs:Regions>"""


def tag(word: str) -> str:
    return f"<digiKam:TagsList><rdf:Seq><rdf:li>{word}</rdf:li></rdf:Seq></digiKam:TagsList>"


async def assert_shown(library: Library, path: Path, sidecar: bytes | None = None) -> None:
    data = await asyncio.to_thread(path.read_bytes)
    asset_id = await library.upload(data, sidecar=sidecar)
    await library.work()
    job = await library.row("SELECT last_error FROM job WHERE entity_id = %(id)s", asset_id)
    assert job is None, job
    assert (await library.asset(asset_id))["thumbhash"]


async def test_long_words_in_the_file(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    tags = pictures.exif(1)
    tags[0x010F] = tags[0x0110] = tags[0x010E] = LONG[:12_000]
    tags.get_ifd(0x8769)[0xA434] = LONG[:12_000]
    scene(60, 40).save(path, exif=tags.tobytes())
    await assert_shown(library, path)


@pytest.mark.parametrize(
    "inner",
    [
        f"<tiff:Make>{LONG}</tiff:Make><tiff:Model>{LONG}</tiff:Model><aux:Lens>{LONG}</aux:Lens>",
        f"<dc:description>{LONG}</dc:description>",
        tag(LONG), tag("//"), tag(""), tag("a" * 500), tag("a/" * 249), tag("😀" * 500),
        REGION.format(name=LONG), REGION.format(name="a/b"), REGION.format(name=" "),
        REGION.format(name="😀" * 5000),
    ],
    ids=[
        "camera", "description", "long tag", "slashes", "no tag", "longest tag", "deep tag",
        "smileys", "long name", "slash in a name", "no name", "long name of smileys",
    ],
)  # fmt: skip
async def test_words_in_a_sidecar(library: Library, jpeg: Path, inner: str) -> None:
    sidecar = PACKET.format(declared="", inner=inner).encode()
    await assert_shown(library, jpeg, sidecar)


@pytest.mark.parametrize(
    "encoding", ["undefined", "idna", "punycode", "hex", "unicode_escape", "utf-7", "utf-16", "x"]
)
async def test_a_sidecar_in_a_strange_encoding(library: Library, jpeg: Path, encoding: str) -> None:
    sidecar = PACKET.format(declared=f' encoding="{encoding}"', inner=tag("a")).encode()
    await assert_shown(library, jpeg, sidecar)
