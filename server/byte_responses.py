"""Files as answers: ranges, conditions, names; from the disk to the socket without a copy.

aiohttp's own FileResponse is not used: it takes no ETag of ours, reads an ETag in If-Range as "no
condition" (so that a resumed download may mix two versions), and refuses several ranges.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

from aiohttp import ETag, web
from aiohttp.abc import AbstractStreamWriter

from sync.errors import Missing

MEDIA_CACHE = (
    "private, max-age=86400, no-transform, stale-while-revalidate=2592000, stale-if-error=2592000"
)

# Up to here one read beside the open is cheaper than a sendfile, and goes out with the headers.
_SMALL_BYTES = 64 << 10
_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE | re.ASCII)


async def file_response(
    request: web.BaseRequest,
    path: Path,
    *,
    media_type: str,
    missing: str,
    file_name: str | None = None,
    etag: str | None = None,
    cache_control: str = MEDIA_CACHE,
) -> web.StreamResponse:
    """The answer to GET or HEAD for a file: 200, 206, 304, 412 or 416.

    `file_name` is what the browser saves it as (none: no Content-Disposition); `etag` is opaque
    and strong, such as a checksum in hex; without it, size and date make one. Several ranges are
    answered with the whole. Raises Missing(missing) when there is no such file.
    """
    opened = await asyncio.to_thread(_open, path)
    if opened is None:
        raise Missing(missing)
    fd, status = opened
    try:
        modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
        etag = etag or f"{status.st_mtime_ns:x}-{status.st_size:x}"
        code, start, count = _decide(request, etag, modified, status.st_size)
        body = await _small_body(request, fd, code, start, count)
    except BaseException:
        os.close(fd)
        raise
    ...
