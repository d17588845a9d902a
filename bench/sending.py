"""Photos made on the spot, and sent as apps send them."""

from __future__ import annotations

import http.client
import io
import random
from collections.abc import Mapping

import msgspec
from PIL import Image

from bench.library import HEADERS

BOUNDARY = "----heliograph"
FIELDS = "".join(
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
    for name, value in {
        "fileCreatedAt": "2024-05-06T07:08:09.000Z",
        "fileModifiedAt": "2024-05-06T07:08:09.000Z",
        "isFavorite": "false",
    }.items()
)
END = f"\r\n--{BOUNDARY}--\r\n".encode()


def make_photo(width: int, height: int, *, quality: int = 90) -> bytes:
    """A JPEG of soft shapes, some edges and a sensor's grain."""
    random.seed(7)
    coarse = Image.frombytes("RGB", (60, 40), random.randbytes(60 * 40 * 3))
    shapes = coarse.resize((width, height), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((width, height), 24).convert("RGB")
    out = io.BytesIO()
    Image.blend(shapes, grain, 0.25).save(out, "JPEG", quality=quality)
    return out.getvalue()


def send(
    connection: http.client.HTTPConnection,
    data: bytes,
    suffix: str = "jpg",
    headers: Mapping[str, str] = HEADERS,
) -> str:
    """The id of the new asset."""
    head = (
        f'{FIELDS}--{BOUNDARY}\r\nContent-Disposition: form-data; name="assetData"; '
        f'filename="a.{suffix}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    ).encode()
    connection.putrequest("POST", "/api/assets")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + len(data) + len(END)))
    connection.endheaders()
    for part in (head, data, END):
        connection.send(part)
    response = connection.getresponse()
    answer = response.read()
    assert response.status == 201, answer
    id_: str = msgspec.json.decode(answer)["id"]
    return id_
