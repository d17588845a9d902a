"""Films that show all around: the word for it is in the container."""

from __future__ import annotations

from pathlib import Path
from struct import pack, unpack_from

import pytest

from media import video
from tests.media.films import film
from tests.media.pictures import scene

MARK = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
WORDS = """<?xml version="1.0"?>
<rdf:SphericalVideo xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:GSpherical="http://ns.google.com/videos/1.0/spherical/">
<GSpherical:Spherical>true</GSpherical:Spherical>
<GSpherical:Stitched>true</GSpherical:Stitched>
<GSpherical:StitchingSoftware>Camera</GSpherical:StitchingSoftware>
<GSpherical:ProjectionType>equirectangular</GSpherical:ProjectionType>
</rdf:SphericalVideo>"""


def put_into_track(path: Path, box: bytes) -> None:
    """At its end, which moves no frames: what tells of tracks is at the end of the file."""
    data = bytearray(path.read_bytes())
    movie = data.rindex(b"moov") - 4
    track = data.index(b"trak", movie) - 4
    end = track + unpack_from(">I", data, track)[0]
    for start in (movie, track):
        data[start : start + 4] = pack(">I", unpack_from(">I", data, start)[0] + len(box))
    data[end:end] = box
    path.write_bytes(data)


@pytest.mark.parametrize("is_around", [True, False])
def test_a_film_says_whether_it_shows_all_around(is_around: bool, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", [scene(64, 32)] * 5)
    if is_around:
        words = MARK + WORDS.encode()
        put_into_track(path, pack(">I4s", 8 + len(words), b"uuid") + words)

    assert video.probe(path).projection == ("EQUIRECTANGULAR" if is_around else None)
