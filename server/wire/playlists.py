"""Films as playlists of HTTP Live Streaming, RFC 8216."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from uuid import UUID

from sync.film_variants import Outline, Variant

VERSION = 7
HEAD = ("#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS")


def show_main(stream_id: UUID, outline: Outline, variants: Sequence[Variant], query: str) -> str:
    """All forms of the film. `query` goes on to what is below: credentials may be in it."""
    lines = list(HEAD)
    for one in variants:
        width, height = one.size
        facts = (
            f"BANDWIDTH={one.bandwidth}",
            f"RESOLUTION={width}x{height}",
            f'CODECS="{one.codecs}"',
            "VIDEO-RANGE=SDR",
            f"FRAME-RATE={float(outline.rate):.3f}",
        )
        lines += ["#EXT-X-STREAM-INF:" + ",".join(facts)]
        lines += [f"{stream_id}/{one.number}/playlist.m3u8{query}"]
    return _text(lines)


def show_variant(starts: Sequence[Fraction], end: Fraction, query: str) -> str:
    """All segments of one form, before any of them is made."""
    bounds = [*starts, end]
    lengths = [after - before for before, after in pairwise(bounds)]
    lines = [
        *HEAD,
        # The largest when rounded to whole seconds, RFC 8216, 4.3.3.1.
        f"#EXT-X-TARGETDURATION:{max(1, *(ceil(one - Fraction(1, 2)) for one in lengths))}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f'#EXT-X-MAP:URI="init.mp4{query}"',
    ]
    for number, length in enumerate(lengths):
        lines += [f"#EXTINF:{float(length):.6f},", f"seg_{number}.m4s{query}"]
    return _text([*lines, "#EXT-X-ENDLIST"])


def _text(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])
