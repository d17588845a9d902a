"""What each condition on assets is in SQL.

The SQL is ours alone: of a condition only its field and its operator choose what it is, and its
value is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlglot import exp, parse_one

OWNED = "asset.owner_id = %(viewer_id)s"
FACES = """
    SELECT {what} FROM asset_face AS face JOIN person ON person.id = face.person_id
     WHERE {where} AND person.owner_id = %(viewer_id)s AND face.is_visible
       AND face.deleted_at IS NULL"""
TAGS_BELOW = """
    SELECT {what} FROM tag AS root
      JOIN tag ON tag.owner_id = root.owner_id
              AND (tag.id = root.id OR starts_with(tag.value, root.value || '/'))
     WHERE root.id = ANY(%(value)s) AND root.owner_id = %(viewer_id)s"""
FILES = """EXISTS (
    SELECT 1 FROM asset_file AS file WHERE file.asset_id = asset.id AND file.type = '{type}'{more})
"""

# What can be compared, and with what in the rows.
COLUMNS = {
    "id": "asset.id",
    "libraryId": "asset.library_id",
    "type": "asset.type",
    "visibility": "asset.visibility",
    "checksum": "asset.checksum",
    "originalFileName": "asset.original_file_name",
    "originalPath": "asset.original_key",
    "fileSizeInBytes": "asset.file_bytes",
    "takenAt": "asset.file_created_at",
    "createdAt": "asset.created_at",
    "updatedAt": "asset.updated_at",
    "trashedAt": "asset.deleted_at",
    "city": "exif.city",
    "state": "exif.state",
    "country": "exif.country",
    "make": "exif.make",
    "model": "exif.model",
    "lensModel": "exif.lens_model",
    "rating": "exif.rating",
    "description": "exif.description",
}
OPERATORS = {
    "eq": "{column} = %(value)s",
    "ne": "{column} <> %(value)s",
    "lt": "{column} < %(value)s",
    "lte": "{column} <= %(value)s",
    "gt": "{column} > %(value)s",
    "gte": "{column} >= %(value)s",
    "in": "{column} = ANY(%(value)s)",
    "notIn": "{column} <> ALL(%(value)s)",
    "null": "{column} IS NULL",
    "not null": "{column} IS NOT NULL",
    "like": "searchable({column}) LIKE '%%' || like_text(%(value)s) || '%%'",
    "notLike": "searchable({column}) NOT LIKE '%%' || like_text(%(value)s) || '%%'",
    "startsWith": "searchable({column}) LIKE like_text(%(value)s) || '%%'",
    "endsWith": "searchable({column}) LIKE '%%' || like_text(%(value)s)",
}
# What an asset is or is not. Favourites, tags and people are between an owner and their library:
# others do not see them, so they do not find by them either.
FLAGS = {
    "isFavorite": f"({OWNED} AND asset.is_favorite)",
    "isOffline": "asset.is_offline",
    "isMotion": "asset.live_photo_video_id IS NOT NULL",
    "isStacked": "asset.stack_id IS NOT NULL",
    "isEncoded": FILES.format(type="encoded_video", more=""),
    "hasAlbums": """EXISTS (
        SELECT 1 FROM album_asset AS link
          JOIN album_user ON album_user.album_id = link.album_id
         WHERE link.asset_id = asset.id AND album_user.user_id = %(viewer_id)s)""",
    "hasPeople": f"""({OWNED} AND EXISTS (
        SELECT 1 FROM asset_face AS face
         WHERE face.asset_id = asset.id AND face.is_visible AND face.deleted_at IS NULL))""",
    "hasTags": f"""({OWNED} AND EXISTS (
        SELECT 1 FROM tag_asset WHERE tag_asset.asset_id = asset.id))""",
}
OTHERS = {
    ("albumIds", "any"): """EXISTS (
        SELECT 1 FROM album_asset AS link
         WHERE link.asset_id = asset.id AND link.album_id = ANY(%(value)s))""",
    ("albumIds", "all"): """asset.id IN (
        SELECT link.asset_id FROM album_asset AS link WHERE link.album_id = ANY(%(value)s)
         GROUP BY link.asset_id HAVING count(*) = cardinality(%(value)s))""",
    ("personIds", "any"): f"""EXISTS ({
        FACES.format(what="1", where="face.asset_id = asset.id AND face.person_id = ANY(%(value)s)")
    })""",
    ("personIds", "all"): f"""asset.id IN ({
        FACES.format(what="face.asset_id", where="face.person_id = ANY(%(value)s)")
    }
         GROUP BY face.asset_id HAVING count(DISTINCT face.person_id) = cardinality(%(value)s))""",
    ("tagIds", "any"): f"""EXISTS (
        SELECT 1 FROM tag_asset
         WHERE tag_asset.asset_id = asset.id
           AND tag_asset.tag_id = ANY(ARRAY({TAGS_BELOW.format(what="tag.id")})))""",
    ("tagIds", "all"): f"""asset.id IN (
        SELECT tag_asset.asset_id
          FROM ({TAGS_BELOW.format(what="root.id AS root_id, tag.id")}) AS below
          JOIN tag_asset ON tag_asset.tag_id = below.id
         GROUP BY tag_asset.asset_id
        HAVING count(DISTINCT below.root_id) = cardinality(%(value)s))""",
    ("ocr", "shows"): """EXISTS (
        SELECT 1 FROM asset_ocr AS line
         WHERE line.asset_id = asset.id AND line.is_visible AND shows(line.text, %(value)s))""",
    **{
        (field, operator): FILES.format(
            type=type_, more=" AND " + OPERATORS[operator].format(column="file.key")
        )
        for field, type_ in {
            "encodedVideoPath": "encoded_video",
            "previewPath": "preview",
            "thumbnailPath": "thumbnail",
        }.items()
        for operator in ("eq", "ne", "in", "notIn")
    },
}
WORDS_MAX = 16  # of one text that pictures are to show


class Condition(NamedTuple):
    """`rating gte 4`: in the contract's words; `eq` of a field that is a flag takes a bool."""

    field: str
    operator: str
    value: Any


def is_confined(conditions: Sequence[Condition]) -> bool:
    """They let through only what is in albums."""
    return any(one.field == "albumIds" and one.operator in ("any", "all") for one in conditions)


def simplify(condition: Condition) -> Iterator[Condition]:
    """As conditions that have a piece of SQL each."""
    field, operator, value = condition
    if field in FLAGS:
        yield Condition(field, "yes" if value else "no", None)
    elif field == "ocr":
        words = list(dict.fromkeys(value.split()))[:WORDS_MAX]
        yield from (Condition(field, "shows", word) for word in words)
    elif value is None:
        yield Condition(field, "null" if operator == "eq" else "not null", None)
    elif operator == "all":
        ids = list(dict.fromkeys(value))
        yield Condition(field, "all" if len(ids) > 1 else "any", ids)
    else:
        yield condition


def parse(text: str) -> exp.Expr:
    """A tree of one's own."""
    return _parse_once(text).copy()


@cache
def _parse_once(text: str) -> exp.Expr:
    return parse_one(text, dialect="postgres")


def compose(field: str, operator: str, parameter: str) -> exp.Expr:
    """The SQL of one condition."""
    if field in FLAGS:
        tree = parse(FLAGS[field])
        return tree if operator == "yes" else exp.not_(tree)
    if operator == "none":
        return exp.not_(compose(field, "any", parameter))
    text = OTHERS.get((field, operator)) or OPERATORS[operator].format(column=COLUMNS[field])
    tree = parse(text)
    for placeholder in list(tree.find_all(exp.Placeholder)):
        if placeholder.name == "value":
            placeholder.replace(exp.Placeholder(this=parameter))
    return tree
