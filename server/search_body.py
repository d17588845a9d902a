"""What the body of a search may say: flat fields, or a filter."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from server.body import Body, Id, Moment

IDS_MAX = 65_000
BRANCHES_MAX = 50
TEXT_MAX = 4096
SAFE_INT = 2**53 - 1

Type = Literal["IMAGE", "VIDEO", "AUDIO", "OTHER"]
Visibility = Literal["archive", "timeline", "hidden", "locked"]
Direction = Literal["asc", "desc"]
OrderField = Literal["fileCreatedAt", "localDateTime", "fileSizeInBytes", "rating"]
Ids = Annotated[list[Id], Meta(max_length=IDS_MAX)]
SomeIds = Annotated[list[Id], Meta(min_length=1, max_length=IDS_MAX)]
Texts = Annotated[list[str], Meta(min_length=1, max_length=IDS_MAX)]
Numbers = Annotated[list[float], Meta(min_length=1, max_length=IDS_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_MAX)]
Word = Annotated[str, Meta(min_length=1, max_length=TEXT_MAX)]
Size = Annotated[int, Meta(ge=1, le=1000)]
Page = Annotated[int, Meta(ge=1, le=SAFE_INT)]
Rating = Annotated[int, Meta(ge=1, le=5)]


class IdIs(Body):
    eq: Id | UnsetType = UNSET
    ne: Id | UnsetType = UNSET


class IdIsOrNull(Body):
    eq: Id | UnsetType | None = UNSET
    ne: Id | UnsetType | None = UNSET


class IdsAre(Body):
    any: SomeIds | UnsetType = UNSET
    all: SomeIds | UnsetType = UNSET
    none: SomeIds | UnsetType = UNSET


class FlagIs(Body):
    eq: bool


class TextIs(Body, kw_only=True):
    eq: str | UnsetType = UNSET
    ne: str | UnsetType = UNSET
    in_: Texts | UnsetType = msgspec.field(default=UNSET, name="in")
    not_in: Texts | UnsetType = UNSET


class TextIsOrNull(Body, kw_only=True):
    eq: str | UnsetType | None = UNSET
    ne: str | UnsetType | None = UNSET
    in_: Texts | UnsetType = msgspec.field(default=UNSET, name="in")
    not_in: Texts | UnsetType = UNSET


class TextHas(TextIsOrNull, kw_only=True):
    like: Word | UnsetType = UNSET
    not_like: Word | UnsetType = UNSET
    starts_with: Word | UnsetType = UNSET
    ends_with: Word | UnsetType = UNSET


class TextMatches(Body):
    matches: Word


class NumberRange(Body, kw_only=True):
    lt: float | UnsetType = UNSET
    lte: float | UnsetType = UNSET
    gt: float | UnsetType = UNSET
    gte: float | UnsetType = UNSET
    in_: Numbers | UnsetType = msgspec.field(default=UNSET, name="in")
    not_in: Numbers | UnsetType = UNSET


class NumberIs(NumberRange, kw_only=True):
    eq: float | UnsetType = UNSET
    ne: float | UnsetType = UNSET


class NumberIsOrNull(NumberRange, kw_only=True):
    eq: float | UnsetType | None = UNSET
    ne: float | UnsetType | None = UNSET


class MomentRange(Body, kw_only=True):
    lt: Moment | UnsetType = UNSET
    lte: Moment | UnsetType = UNSET
    gt: Moment | UnsetType = UNSET
    gte: Moment | UnsetType = UNSET


class MomentIs(MomentRange, kw_only=True):
    eq: Moment | UnsetType = UNSET
    ne: Moment | UnsetType = UNSET


class MomentIsOrNull(MomentRange, kw_only=True):
    eq: Moment | UnsetType | None = UNSET
    ne: Moment | UnsetType | None = UNSET


class TypeIs(Body, kw_only=True):
    eq: Type | UnsetType = UNSET
    ne: Type | UnsetType = UNSET
    in_: Annotated[list[Type], Meta(min_length=1)] | UnsetType = msgspec.field(
        default=UNSET, name="in"
    )
    not_in: Annotated[list[Type], Meta(min_length=1)] | UnsetType = UNSET


class VisibilityIs(Body, kw_only=True):
    eq: Visibility | UnsetType = UNSET
    ne: Visibility | UnsetType = UNSET
    in_: Annotated[list[Visibility], Meta(min_length=1)] | UnsetType = msgspec.field(
        default=UNSET, name="in"
    )
    not_in: Annotated[list[Visibility], Meta(min_length=1)] | UnsetType = UNSET


class Branch(Body, kw_only=True, forbid_unknown_fields=True):
    """SearchFilterBranch."""

    album_ids: IdsAre | UnsetType = UNSET
    checksum: TextIs | UnsetType = UNSET
    city: TextIsOrNull | UnsetType = UNSET
    country: TextIsOrNull | UnsetType = UNSET
    created_at: MomentIs | UnsetType = UNSET
    description: TextHas | UnsetType = UNSET
    encoded_video_path: TextIs | UnsetType = UNSET
    file_size_in_bytes: NumberIs | UnsetType = UNSET
    has_albums: FlagIs | UnsetType = UNSET
    has_people: FlagIs | UnsetType = UNSET
    has_tags: FlagIs | UnsetType = UNSET
    id: IdIs | UnsetType = UNSET
    is_encoded: FlagIs | UnsetType = UNSET
    is_favorite: FlagIs | UnsetType = UNSET
    is_motion: FlagIs | UnsetType = UNSET
    is_offline: FlagIs | UnsetType = UNSET
    lens_model: TextIsOrNull | UnsetType = UNSET
    library_id: IdIsOrNull | UnsetType = UNSET
    make: TextIsOrNull | UnsetType = UNSET
    model: TextIsOrNull | UnsetType = UNSET
    ocr: TextMatches | UnsetType = UNSET
    original_file_name: TextHas | UnsetType = UNSET
    original_path: TextHas | UnsetType = UNSET
    person_ids: IdsAre | UnsetType = UNSET
    rating: NumberIsOrNull | UnsetType = UNSET
    state: TextIsOrNull | UnsetType = UNSET
    tag_ids: IdsAre | UnsetType = UNSET
    taken_at: MomentIs | UnsetType = UNSET
    trashed_at: MomentIsOrNull | UnsetType = UNSET
    type: TypeIs | UnsetType = UNSET
    updated_at: MomentIs | UnsetType = UNSET
    visibility: VisibilityIs | UnsetType = UNSET


class Filter(Branch, kw_only=True, forbid_unknown_fields=True):
    """SearchFilter: all that is said, and one of the branches."""

    or_: Annotated[list[Branch], Meta(min_length=1, max_length=BRANCHES_MAX)] | UnsetType = (
        msgspec.field(default=UNSET, name="or")
    )


class OrderBy(Body):
    """SearchOrder."""

    field: OrderField = "fileCreatedAt"
    direction: Direction = "desc"


class FlatSearch(Body, kw_only=True):
    """The fields from before there was a filter; all of them must hold."""

    album_ids: Ids | UnsetType = UNSET
    city: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    created_after: Moment | UnsetType = UNSET
    created_before: Moment | UnsetType = UNSET
    is_encoded: bool | UnsetType = UNSET
    is_favorite: bool | UnsetType = UNSET
    is_motion: bool | UnsetType = UNSET
    is_not_in_album: bool | UnsetType = UNSET
    is_offline: bool | UnsetType = UNSET
    lens_model: str | UnsetType | None = UNSET
    library_id: Id | UnsetType | None = UNSET
    make: str | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    ocr: Text | UnsetType = UNSET
    person_ids: Ids | UnsetType = UNSET
    rating: Rating | UnsetType | None = UNSET
    state: str | UnsetType | None = UNSET
    tag_ids: Ids | UnsetType | None = UNSET
    taken_after: Moment | UnsetType = UNSET
    taken_before: Moment | UnsetType = UNSET
    trashed_after: Moment | UnsetType = UNSET
    trashed_before: Moment | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    updated_after: Moment | UnsetType = UNSET
    updated_before: Moment | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET


class StatisticsSearch(FlatSearch, kw_only=True):
    description: Text | UnsetType = UNSET
    filter: Filter | UnsetType = UNSET


class ShownSearch(FlatSearch, kw_only=True):
    """A search that shows what it found."""

    size: Size = 250
    with_deleted: bool | UnsetType = UNSET
    with_exif: bool = False


class LargeAssetSearch(ShownSearch, kw_only=True):
    min_file_size: Annotated[int, Meta(ge=0, le=SAFE_INT)] | UnsetType = UNSET


class RandomSearch(ShownSearch, kw_only=True):
    filter: Filter | UnsetType = UNSET
    with_people: bool = False
    with_stacked: bool | UnsetType = UNSET


class MetadataSearch(RandomSearch, kw_only=True):
    checksum: str | UnsetType = UNSET
    cursor: Word | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    encoded_video_path: str | UnsetType = UNSET
    id: Id | UnsetType = UNSET
    order: Direction | UnsetType = UNSET
    order_by: OrderBy | UnsetType = UNSET
    original_file_name: Text | UnsetType = UNSET
    original_path: Text | UnsetType = UNSET
    page: Page | UnsetType = UNSET
    preview_path: str | UnsetType = UNSET
    thumbnail_path: str | UnsetType = UNSET


class SmartSearch(ShownSearch, kw_only=True):
    filter: Filter | UnsetType = UNSET
    language: str | UnsetType = UNSET
    page: Page | UnsetType = UNSET
    query: str | UnsetType = UNSET
    query_asset_id: Id | UnsetType = UNSET
    size: Size = 100
