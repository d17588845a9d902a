"""Renditions are made as an administrator set them, from then on."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from media import images
from sync.config import build


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "a.jpg"
    Image.effect_noise((600, 400), 90).convert("RGB").save(path, quality=95)
    return path


@pytest.fixture
def follow():
    def follow(**settings):
        names = {f"image.{name.replace('_', '.')}": value for name, value in settings.items()}
        images.form.follow(build(names).image)

    yield follow
    follow()


def opened(data):
    return Image.open(io.BytesIO(data))


def test_their_sizes_are_those_that_are_set(photo, follow):
    follow(thumbnail_size=100, preview_size=200)

    made = images.render(photo)

    assert (opened(made.thumbnail).size, opened(made.preview).size) == ((150, 100), (300, 200))
    assert (made.width, made.height) == (600, 400)


def test_a_thumbnail_may_be_the_larger_one(photo, follow):
    follow(thumbnail_size=300, preview_size=200)

    made = images.render(photo)

    assert (opened(made.thumbnail).size, opened(made.preview).size) == ((450, 300), (300, 200))


def test_none_is_enlarged(photo, follow):
    follow(thumbnail_size=4000, preview_size=5000)

    made = images.render(photo)

    assert (opened(made.thumbnail).size, opened(made.preview).size) == ((600, 400), (600, 400))


def test_better_quality_takes_more_bytes(photo, follow):
    sizes = []
    for quality in (20, 90):
        follow(thumbnail_quality=quality, preview_quality=quality, preview_size=300)
        made = images.render(photo)
        sizes.append((len(made.thumbnail), len(made.preview)))
    (small, large), (smaller, larger) = sizes
    assert small < smaller and large < larger


@pytest.mark.parametrize("is_progressive", [False, True])
def test_previews_appear_step_by_step_if_they_shall(photo, follow, is_progressive):
    follow(preview_size=300, preview_progressive=is_progressive)

    preview = opened(images.render(photo).preview)

    assert bool(preview.info.get("progressive")) == is_progressive
