"""The named queries as a text: what they may do, and who asks for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from sql import loader
from sql.loader import Query
from sql.projections import PLACES, SELECTS

ROOT = Path(__file__).parents[2]
LAYERS = ("server", "sync", "media", "ml", "storage", "sql")
SOURCE = {
    path: path.read_text()
    for layer in LAYERS
    for path in (ROOT / layer).rglob("*.py")
}  # fmt: skip
FILES = sorted((ROOT / "sql").glob("*/*.sql"))
QUERIES = {
    f"{path.parent.name}.{path.stem}.{name}": query
    for path in FILES
    if path.parent.name != "schema"
    for name, query in loader.parse(path.read_text()).items()
}
CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Drop, exp.Create, exp.TruncateTable)
# What a read must not call: it would change something, or wait.
EFFECTS = re.compile(r"\b(nextval|setval|pg_notify|pg_\w*advisory\w*|set_config)\b", re.I)


def named(folder: str) -> list[str]:
    return [name for name in QUERIES if name.startswith(f"{folder}.")]


def parsed(query: Query) -> exp.Expression:
    whole = query.text.replace("{shapes}", "SELECT 1 AS pos, 'T' AS type, '' AS data")
    text = re.sub(r"%\((\w+)\)s", r"$\1", whole).replace("%%", "%")
    trees = [tree for tree in sqlglot.parse(text, dialect="postgres") if tree is not None]
    assert len(trees) == 1, "one statement for one name"
    return trees[0]


@pytest.mark.parametrize("name", [*named("reads"), *named("projections"), *named("lines")])
def test_a_read_only_selects(name):
    tree = parsed(QUERIES[name])
    assert isinstance(tree, exp.Select | exp.Union)
    assert not list(tree.find_all(*CHANGES))
    assert not list(tree.find_all(exp.Lock)), "a read holds no row"
    assert not EFFECTS.search(QUERIES[name].text)


@pytest.mark.parametrize("name", list(QUERIES))
def test_a_query_names_its_columns(name):
    query = QUERIES[name]
    if isinstance(tree := parsed(query), exp.Command):
        return  # NOTIFY and its like have none.
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    assert stars == []


@pytest.mark.parametrize("name", named("reads"))
def test_the_columns_of_a_read_say_whose_they_are(name):
    tree = parsed(QUERIES[name])
    own = {named.alias for named in tree.find_all(exp.Alias, exp.Subquery, exp.Lateral)}
    bare = {column.sql() for column in tree.find_all(exp.Column) if not column.table}
    assert bare - own == set()


@pytest.mark.parametrize("name", [*named("reads"), *named("writes")])
def test_somebody_asks(name):
    _, module, query = name.split(".")
    call = re.compile(rf"\b{name.split('.')[0]}\.{module}\.{query}\b")
    assert any(call.search(text) for text in SOURCE.values())


@pytest.mark.parametrize("name", [*named("reads"), *named("writes")])
def test_the_header_says_how_many_rows(name):
    """A list without an order is a set: then its reader must not care, or one row is all."""
    query = QUERIES[name]
    tree = parsed(query)
    if query.result == "value" and isinstance(tree, exp.Select):
        assert len(tree.expressions) == 1
    if query.result in ("count", "none"):
        assert not isinstance(tree, exp.Select) or query.result == "none"


def test_only_operations_and_the_loops_of_sync_write():
    writers = {
        str(path.relative_to(ROOT))
        for path, text in SOURCE.items()
        if re.search(r"^from sql import .*\bwrites\b", text, re.M)
    }
    assert {path.split("/")[0] for path in writers} == {"sync"}


def test_names_are_not_taken_twice():
    for path in FILES:
        heads = loader.HEADER.findall(path.read_text())
        names = [name for name, _ in heads]
        assert len(names) == len(set(names)), path
        starts = re.findall(r"^-- \w+ -> .*$", path.read_text(), re.M)
        assert len(starts) == len(names), f"a header in {path} is not understood"


def test_projections_are_placed():
    assert set(PLACES) <= set(SELECTS)
    for kind, select in SELECTS.items():
        names = set(parsed(loader.parse(f"-- {kind} -> rows\n{select}")[kind]).named_selects)
        told = {name for name in ("home", "reach") if f"entity.{name}" in str(PLACES.get(kind))}
        assert names == {"data", "gone"} | told, kind
        if kind not in PLACES:
            assert "touched.scope" in select, f"{kind} would show in every scope"


def test_a_query_that_is_broken_is_not_loaded():
    assert loader.parse("-- get_it -> rows\nSELECT 1;\n")["get_it"].text == "SELECT 1;"
    many = loader.parse(
        "-- a -> value\n-- nullable: x, y\nSELECT %(x)s;\n\n-- b -> row?\nSELECT 2;"
    )
    assert [(q.name, q.result, q.nullable) for q in many.values()] == [
        ("a", "value", {"x", "y"}),
        ("b", "row?", set()),
    ]
