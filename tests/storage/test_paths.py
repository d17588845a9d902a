"""Names of files and accepted types."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from storage import media_types, paths

OWNER = UUID("11111111-1111-4111-8111-111111111111")
ASSET = UUID("abcdef00-0000-4000-8000-000000000001")


def test_keys_have_the_agreed_shape():
    original = paths.original(OWNER, ASSET, "JPG")

    assert original == f"upload/{OWNER}/ab/cd/{ASSET}.jpg"
    assert paths.sidecar(original) == f"{original}.xmp"
    assert paths.thumbnail(OWNER, ASSET) == f"thumbs/{OWNER}/ab/cd/{ASSET}_thumbnail.webp"
    assert paths.preview(OWNER, ASSET) == f"thumbs/{OWNER}/ab/cd/{ASSET}_preview.jpeg"
    assert paths.fullsize(OWNER, ASSET) == f"thumbs/{OWNER}/ab/cd/{ASSET}_fullsize.jpeg"
    for key in (original, paths.sidecar(original), paths.thumbnail(OWNER, ASSET)):
        assert paths.is_ours(key)


@pytest.mark.parametrize("extension", ["", "a/b", "..", "j pg", "jpg\0", "a" * 17, "ä"])
def test_an_extension_cannot_carry_anything_else(extension):
    with pytest.raises(ValueError):
        paths.original(OWNER, ASSET, extension)


@pytest.mark.parametrize(
    "key",
    ["", "/etc/passwd", "..", "a/../../b", "a//b", "a/./b", "a\\..\\b", "a\0b", "a/", "upload/.."],
)
def test_a_key_cannot_leave_the_root(key):
    with pytest.raises(ValueError):
        paths.resolve(Path("/data"), key)


def test_a_key_resolves_below_the_root():
    assert paths.resolve(Path("/my data"), "upload/x/y.jpg") == Path("/my data/upload/x/y.jpg")


@pytest.mark.parametrize(
    "key",
    [
        "upload/.incoming/abc",
        "upload/photo.jpg",
        f"upload/{OWNER}/ab/cd/0{ASSET}.jpg",
        f"library/{OWNER}/ab/cd/{ASSET}.jpg",
        f"upload/{OWNER}/ab/cd/{ASSET}/x.jpg",
    ],
)
def test_strange_files_are_not_ours(key):
    assert not paths.is_ours(key)


@pytest.mark.parametrize(
    ("name", "asset_type", "mime_type"),
    [
        ("IMG_1.JPG", "IMAGE", "image/jpeg"),
        ("a.b.HeIc", "IMAGE", "image/heic"),
        ("x.dng", "IMAGE", "image/dng"),
        ("clip.MOV", "VIDEO", "video/quicktime"),
        ("clip.mxf", "VIDEO", "application/mxf"),
        ("x.xmp", None, "application/xml"),
        ("song.mp3", None, "application/octet-stream"),
        (".jpg", None, "application/octet-stream"),
        ("jpg", None, "application/octet-stream"),
        ("x.jpg.", None, "application/octet-stream"),
    ],
)
def test_the_extension_alone_decides_the_type(name, asset_type, mime_type):
    assert media_types.asset_type(name) == asset_type
    assert media_types.mime_type(name) == mime_type


def test_the_lists_for_clients():
    assert len(media_types.IMAGE_EXTENSIONS) == 48
    assert len(media_types.VIDEO_EXTENSIONS) == 20
    assert media_types.SIDECAR_EXTENSIONS == (".xmp",)
    assert all(media_types.kind(f"x{e}") in ("image", "raw") for e in media_types.IMAGE_EXTENSIONS)
    assert media_types.kind("x.NEF") == "raw"
    assert media_types.is_web_displayable("x.PNG") and not media_types.is_web_displayable("x.heic")
