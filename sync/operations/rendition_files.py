"""What is stored of renditions, as operations and queries take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypedDict


class File(NamedTuple):
    """What is stored of one rendition."""

    key: str
    size: int  # bytes
    is_progressive: bool = False


class Columns(TypedDict):
    types: list[str]
    keys: list[str]
    sizes: list[int]
    progressive: list[bool]


def columns(files: Mapping[str, File]) -> Columns:
    """As a query takes them."""
    return {
        "types": [*files],
        "keys": [file.key for file in files.values()],
        "sizes": [file.size for file in files.values()],
        "progressive": [file.is_progressive for file in files.values()],
    }
