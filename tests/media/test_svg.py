"""What a drawing must not do: load anything, or never end."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from media import apart, images
from media.errors import UnreadableImage
from tests.media.pictures import opened
from tests.media.test_formats import SVG, save, written


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return save(Image.new("RGB", (100, 50), "red"), tmp_path / "secret.png")


@pytest.mark.parametrize(
    "body",
    [
        b'<image width="100" height="50" xlink:href="file://%s"/>',
        b'<image width="100" height="50" xlink:href="%s"/>',
        b'<image width="100" height="50" href="secret.png"/>',
        b'<image width="100" height="50" xlink:href="http://localhost:%d/a.png"/>',
        b'<use xlink:href="secret.svg#all"/>',
        b'<style>@import url("%s"); * { fill: url(%s) }</style>',
        b'<filter id="f"><feImage xlink:href="file://%s"/></filter>'
        b'<rect width="100" height="50" filter="url(#f)"/>',
        b'<text y="40">&secret;</text>',
    ],
)
def test_an_svg_loads_nothing(body: bytes, secret: Path, tmp_path: Path) -> None:
    secret.with_suffix(".svg").write_bytes(SVG + b'><g id="all"><rect width="99"/></g></svg>')
    if b"%d" in body:
        body %= 9
    body = body.replace(b"%s", str(secret).encode())
    start = b'<!DOCTYPE svg [<!ENTITY secret SYSTEM "file:///etc/hostname">]>'
    whole = start * (b"&secret;" in body) + SVG + b'width="100" height="50">' + body + b"</svg>"
    path = written(tmp_path / "a.svg", whole)

    try:
        shown = opened(images.render(path).preview)
    except UnreadableImage:
        return
    assert np.asarray(shown).min() > 250, "nothing was drawn"


def test_an_svg_asks_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        body = b'width="9" height="9"><image width="9" height="9" href="http://127.0.0.1:%d/"/>'
        path = written(tmp_path / "a.svg", SVG + body % port + b"</svg>")
        images.render(path)

        with pytest.raises(TimeoutError):
            listener.accept()


def test_entities_do_not_swell(tmp_path: Path) -> None:
    entities = b'<!ENTITY a0 "swelling">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    start = b"<!DOCTYPE svg [" + entities + b"]>"
    path = written(
        tmp_path / "a.svg", start + SVG + b'width="9" height="9"><text>&a9;</text></svg>'
    )

    with pytest.raises(UnreadableImage, match="The SVG file is damaged"):
        images.render(path)


def test_what_would_be_drawn_for_ever_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "WALL_SECONDS", 0.5)
    body = (
        b'width="9000" height="9000"><filter id="f"><feTurbulence baseFrequency="0.01" '
        b'numOctaves="99"/></filter><rect width="9000" height="9000" filter="url(#f)"/></svg>'
    )
    path = written(tmp_path / "a.svg", SVG + body)

    with pytest.raises(UnreadableImage, match=r"longer than 0.5 seconds"):
        images.render(path)
