"""What is said on the live channel: each message is one of these frames, in MessagePack."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

VERSION = 1
CREDIT_MAX = 2**53 - 1
ACKS_MAX = 1000

# Why a connection ends: what a client does about it differs.
GOING_AWAY = 1001
INVALID = 4400
UNAUTHENTICATED = 4401
TOO_SLOW = 4408


class Auth(Struct, tag="auth", array_like=True, frozen=True):
    token: str


class Subscribe(Struct, tag="subscribe", array_like=True, frozen=True):
    types: list[str]
    acks: Annotated[list[str], Meta(max_length=ACKS_MAX)] | None  # None: those of the session
    credit: Annotated[int, Meta(ge=0, le=CREDIT_MAX)]


class Credit(Struct, tag="credit", array_like=True, frozen=True):
    count: Annotated[int, Meta(ge=1, le=CREDIT_MAX)]  # bytes of lines


class Ack(Struct, tag="ack", array_like=True, frozen=True):
    acks: Annotated[list[str], Meta(max_length=ACKS_MAX)]


class Hello(Struct, tag="hello", array_like=True, frozen=True):
    version: int
    user_id: UUID
    session_id: UUID


class Lines(Struct, tag="lines", array_like=True, frozen=True):
    lines: bytes


class Blocked(Struct, tag="blocked", array_like=True, frozen=True):
    needed: int  # bytes of credit, in all


class Acked(Struct, tag="acked", array_like=True, frozen=True):
    number: int  # of the ack frame on this socket, from one


class Refusal(Struct, tag="refused", array_like=True, frozen=True):
    number: int
    message: str


class Reset(Struct, tag="reset", array_like=True, frozen=True):
    """The client's copy cannot be continued: it acks SyncResetV1 and is sent all."""


class Error(Struct, tag="error", array_like=True, frozen=True):
    """The last frame, before the close of the same code."""

    code: int
    message: str


Heard = Auth | Subscribe | Credit | Ack
Said = Hello | Lines | Blocked | Acked | Refusal | Reset | Error
encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Heard)


def decode(data: bytes) -> Heard:
    """Raises msgspec.DecodeError."""
    frame: Heard = _decoder.decode(data)
    return frame
