"""Pictures with a film inside, as phones write them; and what Apple's phones write into both."""

from __future__ import annotations

import io
from pathlib import Path
from struct import pack

from PIL import Image

from tests.media.films import film
from tests.media.pictures import save_heic, scene

_CAMERA = "http://ns.google.com/photos/1.0/camera/"
_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def clip(folder: Path, number: int = 0) -> bytes:
    """A second of film; each number is another."""
    path = folder / f"clip-{number}.mp4"
    pictures = [scene(64, 48).rotate(10 * (step + number)) for step in range(10)]
    return film(path, pictures).read_bytes()


def jpeg(xmp: str = "", *, shade: int = 0) -> bytes:
    """A picture of 60 x 40; each shade is another."""
    target = io.BytesIO()
    picture = scene(60, 40)
    picture.putpixel((0, 0), (shade, shade, shade))
    packet = {"xmp": xmp.encode()} if xmp else {}
    picture.save(target, "JPEG", quality=90, **packet)
    return target.getvalue()


def heic(folder: Path) -> bytes:
    path = folder / "still.heic"
    save_heic(scene(60, 40), path)
    return path.read_bytes()


def avif() -> bytes:
    target = io.BytesIO()
    scene(60, 40).save(target, "AVIF")
    return target.getvalue()


def micro_video(offset: int, *, prefix: str = "GCamera", flag: str = "1") -> str:
    """What Google's first form says: how far from the end of the file the film begins."""
    tags = {"MicroVideo": flag, "MicroVideoVersion": "1", "MicroVideoOffset": str(offset)}
    return _packet(prefix, tags)


def container(*items: tuple[str, int, int], flag: str = "1", prefix: str = "GCamera") -> str:
    """What the second says: each part of the file as (what it is, bytes, padding)."""
    listed = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="x/y" Item:Semantic="{what}" '
        f'Item:Length="{length}" Item:Padding="{padding}"/></rdf:li>'
        for what, length, padding in items
    )
    directory = f"<Container:Directory><rdf:Seq>{listed}</rdf:Seq></Container:Directory>"
    return _packet(prefix, {"MotionPhoto": flag, "MotionPhotoVersion": "1"}, directory)


def _packet(prefix: str, tags: dict[str, str], inside: str = "") -> str:
    said = " ".join(f'{prefix}:{name}="{value}"' for name, value in tags.items())
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" xmlns:{prefix}="{_CAMERA}" '
        f'xmlns:Container="{_CONTAINER}" xmlns:Item="{_CONTAINER}item/" {said}>'
        f"{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def google_first(inside: bytes, *, shade: int = 0) -> bytes:
    return jpeg(micro_video(len(inside)), shade=shade) + inside


def google_second(inside: bytes, *, shade: int = 0) -> bytes:
    return jpeg(container(("Primary", 0, 0), ("MotionPhoto", len(inside), 0)), shade=shade) + inside


def google_with_gain_map(inside: bytes) -> bytes:
    """A brighter copy lies between the two."""
    copy = jpeg(shade=9)
    parts = (("Primary", 0, 0), ("GainMap", len(copy), 0), ("MotionPhoto", len(inside), 0))
    return jpeg(container(*parts)) + copy + inside


def padded(inside: bytes) -> bytes:
    """With some bytes before the film, counted with it."""
    said = container(("Primary", 0, 0), ("MotionPhoto", len(inside), 24))
    return jpeg(said) + bytes(24) + inside


def followed(inside: bytes) -> bytes:
    """Something else comes after the film."""
    said = container(("Primary", 0, 0), ("MotionPhoto", len(inside), 0), ("Other", 50, 6))
    return jpeg(said) + inside + bytes(56)


def samsung_jpeg(inside: bytes) -> bytes:
    """All in a trailer of named data, the film among others."""
    return jpeg() + trailer({"Image_UTC_Data": b"1700000000000", "MotionPhoto_Data": inside})


def trailer(entries: dict[str, bytes]) -> bytes:
    """Samsung's: the data, then a table that tells how far before itself each begins."""
    blocks = [
        pack("<HHI", 0, 0x0A30 if name == "MotionPhoto_Data" else 0x0A01, len(name))
        + name.encode()
        + data
        for name, data in entries.items()
    ]
    table = pack("<4sII", b"SEFH", 107, len(blocks))
    left = sum(map(len, blocks))
    for block, name in zip(blocks, entries, strict=True):
        kind = 0x0A30 if name == "MotionPhoto_Data" else 0x0A01
        table += pack("<HHII", 0, kind, left, len(block))
        left -= len(block)
    return b"".join(blocks) + table + pack("<I4s", len(table), b"SEFT")


def box(kind: bytes, body: bytes) -> bytes:
    return pack(">I4s", 8 + len(body), kind) + body


def boxed(still: bytes, inside: bytes) -> bytes:
    """As in HEIC and AVIF of all makers."""
    return still + box(b"mpvd", inside)


def samsung_heic(still: bytes, inside: bytes) -> bytes:
    """Boxed, and a trailer in a box of its own that tells where."""
    pointer = pack(">4sII", b"mpv2", len(still) + 8, len(inside))
    return boxed(still, inside) + box(b"sefd", trailer({"MotionPhoto_Data": pointer}))


def samsung_pointed(still: bytes, inside: bytes) -> bytes:
    """Where only the trailer tells."""
    pointer = pack(">4sII", b"mpv2", len(still) + 8, len(inside))
    return (
        still
        + box(b"free", inside)
        + box(b"sefd", trailer({"Other": b"x", "MotionPhoto_Data": pointer}))
    )


def apple_jpeg(identifier: str, *, shade: int = 0) -> bytes:
    """With a maker note that holds one number and the identifier."""
    text = identifier.encode() + b"\0"
    entries = [pack(">HHIi", 0x0001, 9, 1, 14), pack(">HHII", 0x0011, 2, len(text), 46)]
    note = b"Apple iOS\0\0\x01MM" + pack(">H", len(entries)) + b"".join(entries)
    note = note.ljust(46, b"\0") + text
    tags = Image.Exif()
    tags[0x010F] = "Apple"
    tags.get_ifd(0x8769)[0x927C] = note
    target = io.BytesIO()
    picture = scene(60, 40)
    picture.putpixel((0, 0), (shade, shade, shade))
    picture.save(target, "JPEG", exif=tags.tobytes(), quality=90)
    return target.getvalue()


def apple_film(folder: Path, identifier: str, number: int = 0) -> bytes:
    path = folder / f"live-{number}.mov"
    pictures = [scene(64, 48).rotate(7 * (step + number)) for step in range(10)]
    tags = {"com.apple.quicktime.content.identifier": identifier}
    return film(path, pictures, tags=tags, options={"movflags": "use_metadata_tags"}).read_bytes()
