"""A configuration as an administrator sends it: all of it, so that nothing is reset unsaid."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from server.body import Body
from sync.config import Config

# What the contract lets be left out.
OPTIONAL = ("progressive", "account_management_url")


@cache  # One struct for each: a document of them cannot tell two of one name apart.
def demand(struct: type[Struct]) -> type[Any]:
    """A body like the struct, without its defaults; lists where it has tuples."""
    hints = get_type_hints(struct, include_extras=True)
    fields: list[Any] = [
        (field.name, _shape(hints[field.name]), field.default)
        if field.name in OPTIONAL
        else (field.name, _shape(hints[field.name]))
        for field in msgspec.structs.fields(struct)
    ]
    names = {field.name: field.encode_name for field in msgspec.structs.fields(struct)}
    return msgspec.defstruct(struct.__name__, fields, bases=(Body,), rename=names, kw_only=True)


def _shape(type_: Any) -> Any:
    if isinstance(type_, type) and issubclass(type_, Struct):
        return demand(type_)
    if get_origin(type_) is Annotated:
        inner, *notes = get_args(type_)
        return Annotated[_shape(inner), *notes]
    if get_origin(type_) is tuple:
        return list[get_args(type_)[0]]  # type: ignore[misc]
    return type_


WHOLE = demand(Config)
