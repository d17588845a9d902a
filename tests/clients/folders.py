"""A folder of photos as people have them, made on the spot."""

from __future__ import annotations

import itertools
from pathlib import Path

import pillow_heif
from PIL import Image

SIDECAR = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt>
   </dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
TAKEN = "2021:07:03 21:15:30"
NAMES = [
    "plain.jpg",
    "LOUD.JPEG",
    "Ferien am Größten See, 写真.jpg",
    "it's a 'quote'.jpg",
    'they said "cheese".png',
    "100% & more; a+b=#1?.webp",
    " leading space.gif",
    "dots.and.dots.tiff",
    "from a phone.heic",
    "new and small.avif",
    "one day/deeper/no extension twice.jpg.png",
    "with a story.jpg",
]
TOLD = "with a story.jpg"  # it has a sidecar
STORY = "Told beside the picture: “hello”"
TURNED = "LOUD.JPEG"  # on its side: EXIF says so


_heights = itertools.count(240)


def fill(folder: Path) -> dict[str, tuple[int, int]]:
    """Write pictures no two of which are alike, ever; return the upright sizes by base name."""
    height = next(_heights)
    sizes = {}
    for number, name in enumerate(NAMES):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        size = (320 + number, height)
        picture = Image.new("RGB", size, (20 * number, 90, 250 - 20 * number))
        save(picture, path, turn=6 if name == TURNED else 1)
        sizes[path.name] = size[::-1] if name == TURNED else size
    (folder / f"{TOLD}.xmp").write_text(SIDECAR.format(description=STORY))
    (folder / "notes.txt").write_text("not a picture")
    return sizes


def save(picture: Image.Image, path: Path, *, turn: int = 1) -> None:
    """By the extension; with a date, a camera and an orientation where the format takes them."""
    if path.suffix.lower() == ".heic":
        pillow_heif.from_pillow(picture).save(path)
        return
    exif = Image.Exif()
    exif[0x0110], exif[0x0112] = "Camera Obscura", turn
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    options = {"exif": exif} if path.suffix.lower() in (".jpg", ".jpeg") else {}
    picture.save(path, **options)
