"""Files as answers: ranges, conditions, names; from the disk to the socket without a copy.

aiohttp's own FileResponse is not used: it takes no ETag of ours, reads an ETag in If-Range as "no
condition" (so that a resumed download may mix two versions), and refuses several ranges.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from sync.errors import Missing

MEDIA_CACHE = (
    "private, max-age=86400, no-transform, stale-while-revalidate=2592000, stale-if-error=2592000"
)

# Up to here one read beside the open beats a sendfile, and leaves in one packet with the headers.
_SMALL_BYTES = 64 << 10
_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)
_MARKUP = ("image/svg+xml", "application/xml")
_MARKUP_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


async def file_response(
    request: web.BaseRequest,
    path: Path,
    *,
    media_type: str,
    missing: str,
    file_name: str | None = None,
    etag: str | None = None,
    cache_control: str = MEDIA_CACHE,
    is_whole: Callable[[int, int], bool] = lambda fd, size: True,
) -> web.StreamResponse:
    """The answer to GET or HEAD for a file: 200, 206, 304, 412 or 416.

    `file_name` is what a browser saves it as (None: no Content-Disposition); `etag` is opaque and
    strong, such as a checksum in hex; without it, size and date make one. Several ranges are
    answered with the whole file. Raises Missing(missing) when there is no such file, or none that
    `is_whole`, which is asked with its descriptor and size.
    """
    content = await asyncio.to_thread(_Content.open, path, etag, is_whole)
    if content is None:
        raise Missing(missing)
    headers = {"Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"}
    if file_name is not None:
        headers["Content-Disposition"] = _disposition(file_name)
    if media_type in _MARKUP:
        # A picture or a sidecar, which may hold scripts, shown on the origin of the web client.
        headers["Content-Security-Policy"] = _MARKUP_POLICY
    answer = _decide(request, content)
    headers |= content.validators | answer.headers
    if answer.count == 0:
        content.close()
        return web.Response(status=answer.status, headers=headers)

    headers["Content-Type"] = media_type
    if request.method != "HEAD" and answer.count <= _SMALL_BYTES:
        body = await asyncio.to_thread(content.read_and_close, answer.start, answer.count)
        return web.Response(status=answer.status, headers=headers, body=body)
    headers["Content-Length"] = str(answer.count)
    if request.method == "HEAD":
        content.close()
        return web.Response(status=answer.status, headers=headers)
    return _FileBody(request, content, answer, headers)


class _Content:
    """An open file and what tells its versions apart."""

    def __init__(self, fd: int, status: os.stat_result, etag: str | None) -> None:
        self.fd = fd
        self.size = status.st_size
        self.etag = etag or f"{status.st_mtime_ns:x}-{status.st_size:x}"
        self.modified = datetime.fromtimestamp(status.st_mtime_ns // 10**9, UTC)

    @classmethod
    def open(
        cls, path: Path, etag: str | None, is_whole: Callable[[int, int], bool]
    ) -> _Content | None:
        try:
            fd = os.open(path, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or not is_whole(fd, status.st_size):
            os.close(fd)
            return None
        return cls(fd, status, etag)

    @property
    def validators(self) -> dict[str, str]:
        return {
            "ETag": f'"{self.etag}"',
            "Last-Modified": format_datetime(self.modified, usegmt=True),
            "Accept-Ranges": "bytes",
        }

    def read_and_close(self, start: int, count: int) -> bytes:
        try:
            return os.pread(self.fd, count, start)
        finally:
            self.close()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __del__(self) -> None:
        # For an answer that was made and then never sent.
        self.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What to send. A count of 0: no content, or an empty one."""

    status: int
    headers: dict[str, str]
    start: int = 0
    count: int = 0


def _decide(request: web.BaseRequest, content: _Content) -> _Answer:
    """RFC 9110, section 13.2.2: conditions in their order, then the range."""
    if _precondition_failed(request, content):
        return _Answer(HTTPStatus.PRECONDITION_FAILED, {})
    if _not_modified(request, content):
        return _Answer(HTTPStatus.NOT_MODIFIED, {})
    whole = _Answer(HTTPStatus.OK, {}, 0, content.size)
    asked = _RANGE.fullmatch(request.headers.get("Range", ""))
    if request.method != "GET" or asked is None or asked.group(1) == asked.group(2) == "":
        return whole
    if not _if_range_holds(request.headers.get("If-Range"), content):
        return whole
    start, end = _bounds(asked.group(1), asked.group(2), content.size)
    if start >= end:
        unsatisfied = {"Content-Range": f"bytes */{content.size}"}
        return _Answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, unsatisfied)
    part = {"Content-Range": f"bytes {start}-{end - 1}/{content.size}"}
    return _Answer(HTTPStatus.PARTIAL_CONTENT, part, start, end - start)


def _precondition_failed(request: web.BaseRequest, content: _Content) -> bool:
    if (tags := request.if_match) is not None:
        return not any(tag.value in ("*", content.etag) and not tag.is_weak for tag in tags)
    since = request.if_unmodified_since
    return since is not None and content.modified > since


def _not_modified(request: web.BaseRequest, content: _Content) -> bool:
    if (tags := request.if_none_match) is not None:
        return any(tag.value in ("*", content.etag) for tag in tags)
    since = request.if_modified_since
    return since is not None and content.modified <= since


def _if_range_holds(header: str | None, content: _Content) -> bool:
    # Exactly one of ours or the whole file: anything else could join parts of two versions.
    known = (content.validators["ETag"], content.validators["Last-Modified"])
    return header is None or header.strip() in known


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Half open; empty when nothing of the file is in it."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size


def _disposition(file_name: str) -> str:
    return f"inline; filename*=UTF-8''{quote(file_name, safe='', errors='replace')}"


class _FileBody(web.StreamResponse):
    """Sends a part of an open file through sendfile, and closes it."""

    def __init__(
        self,
        request: web.BaseRequest,
        content: _Content,
        answer: _Answer,
        headers: dict[str, str],
    ) -> None:
        super().__init__(status=answer.status, headers=headers)
        self._request = request
        self._content = content
        self._start_at = answer.start
        self._count = answer.count

    async def write_eof(self, data: bytes = b"") -> None:
        """Called by aiohttp when the headers are out."""
        try:
            await self._send()
        finally:
            self._content.close()
        await super().write_eof(data)

    async def _send(self) -> None:
        transport = self._request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        loop = asyncio.get_running_loop()
        with io.FileIO(self._content.fd, closefd=False) as file:
            sent = await loop.sendfile(transport, file, self._start_at, self._count)
        if sent < self._count:
            # The file shrank: only a broken connection can tell the client now.
            transport.abort()
