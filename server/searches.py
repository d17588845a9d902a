"""A search in the contract's words, flat or as a filter, as conditions on assets."""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from server.body import InvalidBody
from server.search_body import Branch, FlatSearch
from sql.conditions import Condition
from sql.filters import Found, Order, Search
from sync import access
from sync.actor import Actor
from sync.errors import Invalid

NOBODY = UUID(int=0)
CONDITIONS_MAX = 200  # each is a piece of one statement
NEW_FIELDS = ("filter", "order_by", "cursor")
# The flat fields that are conditions: which, and how they compare.
FLAT = {
    "id": ("id", "eq"),
    "library_id": ("libraryId", "eq"),
    "type": ("type", "eq"),
    "visibility": ("visibility", "eq"),
    "checksum": ("checksum", "eq"),
    "is_encoded": ("isEncoded", "eq"),
    "is_favorite": ("isFavorite", "eq"),
    "is_motion": ("isMotion", "eq"),
    "is_offline": ("isOffline", "eq"),
    "city": ("city", "eq"),
    "state": ("state", "eq"),
    "country": ("country", "eq"),
    "make": ("make", "eq"),
    "model": ("model", "eq"),
    "lens_model": ("lensModel", "eq"),
    "rating": ("rating", "eq"),
    "encoded_video_path": ("encodedVideoPath", "eq"),
    "preview_path": ("previewPath", "eq"),
    "thumbnail_path": ("thumbnailPath", "eq"),
    "description": ("description", "like"),
    "original_file_name": ("originalFileName", "like"),
    "original_path": ("originalPath", "like"),
    "ocr": ("ocr", "matches"),
    "album_ids": ("albumIds", "all"),
    "person_ids": ("personIds", "all"),
    "tag_ids": ("tagIds", "all"),
    "taken_after": ("takenAt", "gte"),
    "taken_before": ("takenAt", "lte"),
    "created_after": ("createdAt", "gte"),
    "created_before": ("createdAt", "lte"),
    "updated_after": ("updatedAt", "gte"),
    "updated_before": ("updatedAt", "lte"),
    "trashed_after": ("trashedAt", "gte"),
    "trashed_before": ("trashedAt", "lte"),
    "min_file_size": ("fileSizeInBytes", "gte"),
}
TRIMMED = ("description", "original_file_name")
# Flat fields that say nothing when they are empty.
UNSAID_IF_EMPTY = {
    "description", "original_file_name", "original_path", "ocr", "checksum",
    "encoded_video_path", "preview_path", "thumbnail_path", "album_ids", "person_ids", "tag_ids",
}  # fmt: skip
DEPRECATED = {*FLAT, "is_not_in_album", "with_deleted", "page", "order"}
# What a visitor may search by whose link shows no metadata: what they are shown anyway.
BARE_FIELDS = {
    "albumIds", "id", "type", "visibility", "isMotion", "isStacked", "takenAt", "trashedAt",
}  # fmt: skip
BARE_ORDERS = {"fileCreatedAt", "localDateTime"}


def read_search(asked: Any, actor: Actor) -> Search:
    """What one of the structs in `search_body` asks for, within what the actor may ask.

    Partners are not in it yet. Raises Unauthenticated where it would show the locked folder.
    """
    either: list[list[Condition]] = []
    if is_new(asked):
        _refuse_mixture(asked)
        conditions, either = _read_filter(getattr(asked, "filter", UNSET))
    else:
        conditions = list(_read_flat(asked))
    if len(conditions) + sum(map(len, either)) > CONDITIONS_MAX:
        raise Invalid(f"A search has at most {CONDITIONS_MAX} conditions")
    if getattr(asked, "with_stacked", UNSET) is False:
        conditions.append(Condition("isStacked", "eq", False))
    if not actor.is_elevated:
        _keep_locked(actor, conditions, either)
        conditions.append(Condition("visibility", "ne", "locked"))
    search = Search(NOBODY if actor.link else actor.user_id, conditions, either)
    if actor.link:
        _check_visitor(actor, search, read_order(asked))
    return search


def read_order(asked: Any) -> Order:
    order_by, direction = getattr(asked, "order_by", UNSET), getattr(asked, "order", UNSET)
    if order_by is not UNSET:
        return Order(order_by.field, order_by.direction)
    return Order() if direction is UNSET else Order(direction=direction)


def is_new(asked: Any) -> bool:
    """It is asked with a filter or a cursor, and so answered with a cursor."""
    return any(getattr(asked, name, UNSET) is not UNSET for name in NEW_FIELDS)


def write_cursor(order: Order, last: Mapping[str, object]) -> str:
    """Where the page after a row begins. It only moves in the order, so to forge one gains
    nothing."""
    key = last["key"].isoformat() if isinstance(last["key"], datetime) else last["key"]
    data = json.dumps([*order, key, str(last["id"])])
    return urlsafe_b64encode(data.encode()).decode().rstrip("=")


def read_cursor(text: str, order: Order) -> Found:
    """Raises Invalid unless it was made for this order."""
    try:
        field, direction, key, id_ = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if (field, direction) != order:
            raise ValueError("of another order")
        return Found(UUID(id_), _read_key(field, key))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid("Invalid cursor") from error


def _read_key(field: str, key: Any) -> datetime | int:
    if field in ("rating", "fileSizeInBytes"):
        if not isinstance(key, int) or isinstance(key, bool) or abs(key) >= 2**63:
            raise ValueError("not a number")
        return key
    moment = datetime.fromisoformat(key)
    if (moment.tzinfo is None) != (field == "localDateTime"):
        raise ValueError("with a zone, or without, where it should not be")
    return moment


def _refuse_mixture(asked: Any) -> None:
    names = {field.name: field.encode_name for field in msgspec.structs.fields(asked)}
    new = "/".join(names[name] for name in NEW_FIELDS if getattr(asked, name, UNSET) is not UNSET)
    issues = [
        _issue([said], f"Deprecated field {said} cannot be combined with {new}")
        for name, said in names.items()
        if name in DEPRECATED and getattr(asked, name) is not UNSET
    ]
    if issues:
        raise InvalidBody(issues)


def _read_flat(asked: FlatSearch) -> Iterator[Condition]:
    said = {name: value for name in FLAT if (value := getattr(asked, name, UNSET)) is not UNSET}
    for name in TRIMMED:
        if name in said:
            said[name] = said[name].strip()
    if said.get("tag_ids", UNSET) is None:
        yield Condition("hasTags", "eq", False)
        del said["tag_ids"]
    if asked.is_not_in_album is True and not said.get("album_ids"):
        yield Condition("hasAlbums", "eq", False)
    with_trash = {"trashed_after", "trashed_before"} & said.keys() or said.get("is_offline")
    if not with_trash and getattr(asked, "with_deleted", UNSET) is not True:
        yield Condition("trashedAt", "eq", None)
    for name, value in said.items():
        if value or name not in UNSAID_IF_EMPTY:
            yield _condition(*FLAT[name], value)


def _read_filter(filter_: Any) -> tuple[list[Condition], list[list[Condition]]]:
    if filter_ is UNSET:
        return [], []
    branches = [] if filter_.or_ is UNSET else filter_.or_
    either = [
        list(_read_branch(branch, ["filter", "or", number]))
        for number, branch in enumerate(branches)
    ]
    for number, conditions in enumerate(either):
        if not conditions:
            message = "At least one filter condition is required"
            raise InvalidBody([_issue(["filter", "or", number], message)])
    return list(_read_branch(filter_, ["filter"])), either


def _read_branch(branch: Branch, path: list[str | int]) -> Iterator[Condition]:
    for field in msgspec.structs.fields(branch):
        says = getattr(branch, field.name)
        if says is UNSET or field.name == "or_":
            continue
        operators = msgspec.structs.fields(says)
        said = [one for one in operators if getattr(says, one.name) is not UNSET]
        if not said:
            known = ", ".join(one.encode_name for one in operators)
            message = f"At least one of the following fields is required: {known}"
            raise InvalidBody([_issue([*path, field.encode_name], message)])
        for one in said:
            yield _condition(field.encode_name, one.encode_name, getattr(says, one.name))


def _condition(field: str, operator: str, value: Any) -> Condition:
    if field == "checksum":
        value = [_digest(one) for one in value] if isinstance(value, list) else _digest(value)
    return Condition(field, operator, value)


def _digest(text: str) -> bytes:
    """A checksum as base64 or as hex; nothing has what is neither."""
    try:
        return b64decode(text, validate=True) if len(text) == 28 else bytes.fromhex(text)
    except (ValueError, binascii.Error):
        return b""


def _keep_locked(
    actor: Actor, conditions: Sequence[Condition], either: Sequence[Sequence[Condition]]
) -> None:
    """What names visibilities, and the locked one is among them, asks for an unlocked session."""
    deciding = [conditions] if _visibilities(conditions) else [conditions, *either]
    if any(_admits_locked(_visibilities(branch)) for branch in deciding):
        access.require_elevated(actor)


def _visibilities(conditions: Iterable[Condition]) -> list[Condition]:
    return [one for one in conditions if one.field == "visibility"]


def _admits_locked(visibilities: list[Condition]) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "eq": lambda value: value == "locked",
        "ne": lambda value: value != "locked",
        "in": lambda value: "locked" in value,
        "notIn": lambda value: "locked" not in value,
    }
    return bool(visibilities) and all(tests[one.operator](one.value) for one in visibilities)


def _check_visitor(actor: Actor, search: Search, order: Order) -> None:
    """With a link one searches in albums alone, and by what it shows."""
    if not search.is_in_albums:
        raise Invalid("Shared link access is only allowed in combination with an albumIds filter")
    if actor.link and not actor.link.is_metadata_shown:
        fields = {one.field for branch in [search.conditions, *search.either] for one in branch}
        if not fields <= BARE_FIELDS or order.field not in BARE_ORDERS:
            raise Invalid("This shared link does not show metadata")


def _issue(path: list[Any], message: str) -> dict[str, Any]:
    return {"code": "custom", "path": path, "message": message}
