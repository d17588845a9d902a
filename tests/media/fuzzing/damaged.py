"""Damaged files for everything that reads them: python -m tests.media.fuzzing --help

Every case is announced before it is tried, so that the last line names the one that crashed.
`--case` tries that one alone.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import struct
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from media import boxes, colours, formats, images, jpeg, jxl, metadata, profiles, raw, tags, video
from media.errors import UnreadableImage
from tests.media import rare, test_formats, test_images
from tests.media.films import film
from tests.media.pictures import exif, scene

CASE_SECONDS = 120
MEMORY_BYTES = 12 << 30
ALSO_BYTES_MAX = 2 << 20
SENT = datetime(2024, 5, 6, tzinfo=UTC)
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)

Check = Callable[[Path], object]


def _read_everything(path: Path) -> None:
    found = metadata.read(path, file_created_at=SENT, file_modified_at=SENT, sidecar=path)
    assert "\0" not in found.description
    boxes.shape(path)
    boxes.jp2_profile(path)
    colours.profile(path)
    jxl.shape(path)
    data = path.read_bytes()
    profiles.description(data)
    profiles.description(tags.read(path).profile or b"")
    try:
        jpeg.bare(data)
    except ValueError as error:
        assert str(error)


def _open_small(path: Path) -> None:
    with formats.opened(path, extract_embedded=False) as picture:
        images.fit(picture.load(50), 50, images.form.settings).copy_memory()


def _read_film(path: Path) -> None:
    metadata.read_film(path, file_created_at=SENT, file_modified_at=SENT, sidecar=None)
    video.probe(path)
    video.render(path)


def _develop(path: Path) -> None:
    """In this process, where a crash is not hidden."""
    raw.look(path)
    raw.develop(path, is_half_enough=False)


def make_samples(folder: Path) -> dict[str, tuple[Path, list[Check]]]:
    """A whole file of each kind, and what reads such."""
    makers = {name: make for name, (make, _) in test_formats.RARE.items()} | test_images.FORMATS
    samples: dict[str, tuple[Path, list[Check]]] = {}
    for name, make in makers.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        samples[name] = make(place), [images.render, _read_everything]
    tagged = folder / "tagged.jpg"
    scene().save(tagged, exif=exif(6).tobytes(), comment=b"of a kind")
    samples["tagged jpeg"] = tagged, [images.render, _read_everything]
    preview = tagged.read_bytes()
    samples["raw"] = (
        rare.dng(scene(), folder / "a.dng", preview=preview),
        [images.render, _open_small, _develop, _read_everything],
    )
    for suffix, codec in (("mp4", "libx264"), ("mkv", "libx264"), ("avi", "mpeg4")):
        path = film(folder / f"a.{suffix}", [scene(64, 48)] * 8, codec=codec)
        samples[suffix] = path, [_read_film, _read_everything]
    return samples


def damage(data: bytes, dice: random.Random) -> bytes:
    """Cut it off, or change a few bytes, numbers or stretches; the beginning most of all."""
    kind = dice.randrange(6)
    if kind == 0:
        return data[: dice.randrange(len(data))]
    if kind == 1:
        return data[: dice.randrange(4, 64)] + dice.randbytes(dice.randrange(400))
    changed = bytearray(data)
    end = len(data) if dice.random() < 0.4 else min(len(data), 1024)
    for _ in range(dice.randrange(1, 12)):
        at = dice.randrange(4, end)
        if kind == 2:
            changed[at] ^= 1 << dice.randrange(8)
        elif kind == 3:
            order, size = dice.choice("<>"), dice.choice("BHI")
            number = dice.choice(EXTREMES) & (256 ** struct.calcsize(size) - 1)
            piece = struct.pack(order + size, number)
            changed[at : at + len(piece)] = piece
        elif kind == 4:
            stretch = dice.randrange(1, 40)
            changed[at : at + stretch] = dice.choice((bytes(stretch), dice.randbytes(stretch)))
        else:
            other = dice.randrange(4, end)
            changed[at:at] = changed[other : other + dice.randrange(40)]
    return bytes(changed)


def cases(names: list[str], seed: int, rounds: int) -> Iterator[tuple[str, int]]:
    for number in range(rounds):
        for name in names:
            yield name, seed + number


def attempt(path: Path, check: Check) -> str | None:
    """What went wrong, if that is no refusal with a reason."""
    started = time.monotonic()
    try:
        check(path)
    except UnreadableImage as refusal:
        if not 8 < len(str(refusal)) < 400 or not str(refusal).isprintable():
            return f"no reason for a person: {str(refusal)!r}"
    except Exception:
        return traceback.format_exc()
    took = time.monotonic() - started
    return f"it took {took:.0f} s" if took > CASE_SECONDS / 2 else None


def run(arguments: argparse.Namespace, folder: Path) -> int:
    samples = make_samples(folder)
    for path in sorted(arguments.also.rglob("*")) if arguments.also else ():
        if path.is_file() and path.stat().st_size < ALSO_BYTES_MAX:
            samples[str(path)] = path, [images.render, _read_everything]
    wanted = [name for name in samples if arguments.only in name]
    todo = cases(wanted, arguments.seed, arguments.rounds)
    if arguments.case:
        name, _, seed = arguments.case.rpartition(":")
        todo = iter([(name, int(seed))])
    deadline = time.monotonic() + arguments.seconds
    tried = failed = 0
    for name, seed in todo:
        if time.monotonic() > deadline:
            break
        whole, checks = samples[name]
        bad = folder / f"bad{whole.suffix}"
        bad.write_bytes(damage(whole.read_bytes(), random.Random(f"{name}:{seed}")))
        for check in checks:
            print(f"{name}:{seed} {check.__name__}", flush=True)
            faulthandler.dump_traceback_later(CASE_SECONDS, exit=True)
            if fault := attempt(bad, check):
                failed += 1
                print(f"FAILED {name}:{seed} {check.__name__}: {fault}", flush=True)
            tried += 1
    faulthandler.cancel_dump_traceback_later()
    print(f"{tried} tried, {failed} failed")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=10**9)
    parser.add_argument("--only", default="", help="part of the name of a sample")
    parser.add_argument("--also", type=Path, help="a folder of pictures of real cameras")
    parser.add_argument("--case", help="name:seed")
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        return int(run(parser.parse_args(), Path(folder)) > 0)
