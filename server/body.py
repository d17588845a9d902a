"""Requests as typed structs, and every mistake in one as Immich's list of issues.

A request that is right is decoded in one go. Only a wrong one is walked field by field, because
msgspec stops at the first mistake and Immich's clients are shown all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import inspect as types
from msgspec.inspect import Metadata

from sync.errors import Invalid

UUID_V4 = re.compile(
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}"
)
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d([.]\d+)?)?(Z|[+-]\d\d:?\d\d)")
# As in HTML, and with letters of any language; `a@server` is one. Python has no classes for those,
# so these leave out spaces and what of ASCII may not be there.
_LOCAL = r"[^\s\x00-\x20\"(),:;<>@\[\\\]\x7f]"
_EDGE, _INNER = r"[^\s\x00-/:-@\[-`{-\x7f]", r"[^\s\x00-,./:-@\[-`{-\x7f]"
_LABEL = f"{_EDGE}(?:{_INNER}{{0,61}}{_EDGE})?"
EMAIL = rf"^{_LOCAL}+@{_LABEL}(?:\.{_LABEL})*\Z"
PATTERN_WORDS = {EMAIL: "email"}
NULL = "\0"  # Postgres cannot keep it.

Email = Annotated[str, msgspec.Meta(pattern=EMAIL, max_length=320)]
Path = tuple[str | int, ...]
Issue = dict[str, Any]
MISSING = object()
_described: dict[type[Any], types.Type] = {}


class Id(UUID):
    """The id of an entity: a UUID of version 4."""


class Moment(datetime):
    """A point in time, with its offset; the seconds may be left out."""


class Body(msgspec.Struct, rename="camel"):
    """What a request says. Fields that it need not say are `T | UnsetType = UNSET`."""


class InvalidBody(Invalid):
    """A request with mistakes, all of them."""

    def __init__(self, issues: list[Issue]) -> None:
        super().__init__("Validation failed")
        self.issues = issues


def decode_json(data: bytes, struct: type[Any]) -> Any:
    """A body as a struct. Raises InvalidBody, and Invalid where it is no JSON at all."""
    if not data:
        raise InvalidBody(list(_check(_describe(struct), MISSING, ())))
    try:
        if b"\\u0000" in data:
            return convert(msgspec.json.decode(data), struct)
        try:
            return msgspec.json.decode(data, type=struct, dec_hook=_decode_special)
        except msgspec.ValidationError:
            return convert(msgspec.json.decode(data), struct)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The body is not JSON: {error}") from error


def convert(value: Any, struct: type[Any]) -> Any:
    """Decoded JSON as a struct. Raises InvalidBody with every issue."""
    if issues := list(_find_nulls(value, ())):
        raise InvalidBody(issues)
    try:
        return msgspec.convert(value, struct, dec_hook=_decode_special)
    except msgspec.ValidationError as error:
        if issues := list(_check(_describe(struct), value, ())):
            raise InvalidBody(issues) from error
    try:  # Nothing is wrong but a whole number written as 1.0.
        return msgspec.convert(value, struct, strict=False, dec_hook=_decode_special)
    except msgspec.ValidationError as error:
        raise InvalidBody([_issue("custom", (), str(error))]) from error


def convert_text(fields: Mapping[str, Sequence[str]], struct: type[Any]) -> Any:
    """The text of a query or a form as a struct, by what each field is to be."""
    info = _describe(struct)
    assert isinstance(info, types.StructType)
    loose = {
        field.encode_name: _loosen(field.type, list(fields[field.encode_name]))
        for field in info.fields
        if field.encode_name in fields
    }
    return convert(loose, struct)


def parse_id(text: str, name: str) -> UUID:
    """An id in a path. Raises InvalidBody."""
    if not UUID_V4.fullmatch(text):
        raise InvalidBody([_invalid_id((name,))])
    return UUID(text)


def _describe(struct: type[Any]) -> types.Type:
    """What a struct consists of; to find out takes longer than to read a request."""
    if struct not in _described:
        _described[struct] = types.type_info(struct)
    return _described[struct]


def _decode_special(type_: type, value: object) -> object:
    if type_ is Id and isinstance(value, str) and UUID_V4.fullmatch(value):
        return Id(value)
    if type_ is Moment and isinstance(value, str) and DATE_TIME.fullmatch(value):
        moment = Moment.fromisoformat(value)
        with suppress(OverflowError):  # The last hours of 9999 in the west, which UTC has not.
            moment.astimezone(UTC)
            return moment
    raise ValueError(f"not a {type_.__name__}")


def _loosen(type_: types.Type, texts: list[str]) -> Any:
    """Text as what it means, or as it is where it cannot mean that."""
    type_ = _unwrap(type_)
    if isinstance(type_, types.ListType):
        if isinstance(_unwrap(type_.item_type), types.StructType):
            return _read_json(texts[-1])
        return [_loosen(type_.item_type, [text]) for text in texts]
    text = texts[-1]
    if isinstance(type_, types.BoolType):
        return {"true": True, "false": False}.get(text, text)
    if isinstance(type_, types.IntType) and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if isinstance(type_, types.FloatType) and re.fullmatch(r"-?\d{1,18}([.]\d{1,18})?", text):
        return float(text)
    return text


def _read_json(text: str) -> Any:
    """Forms send a list of objects as JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _unwrap(type_: types.Type) -> types.Type:
    """Without its notes, and without 'or null'."""
    if isinstance(type_, Metadata):
        return _unwrap(type_.type)
    if isinstance(type_, types.UnionType):
        real = [t for t in type_.types if not isinstance(t, types.NoneType)]
        return _unwrap(real[0])
    return type_


def _check(type_: types.Type, value: Any, path: Path) -> Iterator[Issue]:
    """Every issue with a value."""
    if value is None and _is_nullable(type_):
        return
    type_ = _unwrap(type_)
    match type_:
        case types.StructType():
            yield from _check_struct(type_, value, path)
        case types.ListType():
            yield from _check_list(type_, value, path)
        case types.StrType():
            yield from _check_str(type_, value, path)
        case types.IntType() | types.FloatType():
            yield from _check_number(type_, value, path)
        case types.BoolType() if not isinstance(value, bool):
            yield _wrong_type("boolean", value, path)
        case types.DictType() if not isinstance(value, dict):
            yield _wrong_type("record", value, path)
        case types.LiteralType():
            yield from _check_option(list(type_.values), value, path)
        case types.CustomType():
            yield from _check_special(type_.cls, value, path)


def _find_nulls(value: Any, path: Path) -> Iterator[Issue]:
    if isinstance(value, str):
        if NULL in value:
            yield _issue("custom", path, "Invalid input: a string cannot have a null character")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _find_nulls(name, path)
            yield from _find_nulls(item, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _find_nulls(item, (*path, number))


def _is_nullable(type_: types.Type) -> bool:
    while isinstance(type_, Metadata):
        type_ = type_.type
    if isinstance(type_, types.UnionType):
        return any(isinstance(one, types.NoneType) for one in type_.types)
    return isinstance(type_, types.NoneType | types.AnyType)


def _check_struct(type_: types.StructType, value: Any, path: Path) -> Iterator[Issue]:
    if not isinstance(value, dict):
        yield _wrong_type("object", value, path)
        return
    for field in type_.fields:
        given = value.get(field.encode_name, MISSING)
        if given is not MISSING or field.required:
            yield from _check(field.type, given, (*path, field.encode_name))


def _check_list(type_: types.ListType, value: Any, path: Path) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield _wrong_type("array", value, path)
        return
    yield from _check_size("array", len(value), type_.min_length, type_.max_length, "items", path)
    for number, item in enumerate(value):
        yield from _check(type_.item_type, item, (*path, number))


def _check_str(type_: types.StrType, value: Any, path: Path) -> Iterator[Issue]:
    if not isinstance(value, str):
        yield _wrong_type("string", value, path)
        return
    yield from _check_size(
        "string", len(value), type_.min_length, type_.max_length, "characters", path
    )
    if type_.pattern and not re.search(type_.pattern, value):
        if word := PATTERN_WORDS.get(type_.pattern):
            message = f"Invalid input: expected {word}, received string"
            yield _issue("invalid_format", path, message, format=word, origin="string")
        else:
            message = f"Invalid string: must match pattern /{type_.pattern}/"
            yield _issue(
                "invalid_format", path, message,
                format="regex", origin="string", pattern=f"/{type_.pattern}/",
            )  # fmt: skip


def _check_number(
    type_: types.IntType | types.FloatType, value: Any, path: Path
) -> Iterator[Issue]:
    is_int = isinstance(type_, types.IntType)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        yield _wrong_type("number", value, path)
    elif is_int and value != int(value):
        message = "Invalid input: expected int, received number"
        yield _issue("invalid_type", path, message, expected="int", format="safeint")
    elif type_.ge is not None and value < type_.ge:
        message = f"Too small: expected number to be >={type_.ge}"
        yield _issue("too_small", path, message, origin="number", minimum=type_.ge, inclusive=True)
    elif type_.le is not None and value > type_.le:
        message = f"Too big: expected number to be <={type_.le}"
        yield _issue("too_big", path, message, origin="number", maximum=type_.le, inclusive=True)


def _check_option(options: list[Any], value: Any, path: Path) -> Iterator[Issue]:
    if value not in options or isinstance(value, bool):
        listed = "|".join(f'"{option}"' for option in options)
        message = f"Invalid option: expected one of {listed}"
        yield _issue("invalid_value", path, message, values=options)


def _check_special(type_: type, value: Any, path: Path) -> Iterator[Issue]:
    try:
        _decode_special(type_, value)
    except ValueError:
        if type_ is Moment:
            expected = "ISO 8601 datetime string"
            yield _wrong_type(expected, value, path)
        elif isinstance(value, str):
            yield _invalid_id(path)
        else:
            yield _wrong_type("string", value, path)


def _check_size(
    origin: str, size: int, least: int | None, most: int | None, units: str, path: Path
) -> Iterator[Issue]:
    if least is not None and size < least:
        message = f"Too small: expected {origin} to have >={least} {units}"
        yield _issue("too_small", path, message, origin=origin, minimum=least, inclusive=True)
    if most is not None and size > most:
        message = f"Too big: expected {origin} to have <={most} {units}"
        yield _issue("too_big", path, message, origin=origin, maximum=most, inclusive=True)


def _invalid_id(path: Path) -> Issue:
    return _issue(
        "invalid_format", path, "Invalid UUID",
        origin="string", format="uuid", pattern=f"/^({UUID_V4.pattern})$/",
    )  # fmt: skip


def _wrong_type(expected: str, value: Any, path: Path) -> Issue:
    message = f"Invalid input: expected {expected}, received {_name_of(value)}"
    return _issue("invalid_type", path, message, expected=expected)


def _name_of(value: Any) -> str:
    if value is MISSING:
        return "undefined"
    names = {type(None): "null", bool: "boolean", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "number")


def _issue(code: str, path: Path, message: str, **more: object) -> Issue:
    return {**more, "code": code, "path": list(path), "message": message}
