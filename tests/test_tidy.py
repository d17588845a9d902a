"""The style, as far as a test can read it."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("server", "sync", "media", "ml", "storage", "sql")
TEXTS = {".py", ".sql", ".md", ".toml", ".html", ".css", ".yml", ".in", ".txt", ".json", ""}

LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 60  # mostly far fewer
COLUMNS_MAX = 100
VAGUE = {"utils", "util", "helpers", "helper", "common", "manager", "service", "base", "misc"}
# A tool whose model runs in a process of its own is a service in the contract's words.
NAMED_BY_OTHERS = {"ml/service.py"}
# Put together, so that this file does not hold what it looks for.
MACHINE_PATHS = re.compile("(?<![\\w.~])/(" + "|".join(["ro" + "ot", "wo" + "rk"]) + ")/\\w")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not in a repository", allow_module_level=True)
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


FILES = [path for path in tracked() if path.suffix in TEXTS]
MODULES = [path for path in FILES if path.suffix == ".py"]
OURS = [path for path in MODULES if path.relative_to(ROOT).parts[0] in LAYERS]


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.fixture(params=MODULES, ids=names(MODULES))
def module(request) -> Path:
    return request.param


def test_it_opens_with_one_line_on_its_duty(module):
    text = module.read_text()
    if not text.strip():
        assert module.name == "__init__.py"
        return
    duty = ast.get_docstring(ast.parse(text))
    assert duty, "no docstring"
    first, _, rest = duty.partition("\n")
    assert first.endswith((".", "?", ":", "!")) or rest.startswith("\n"), first


def test_it_is_short(module):
    limit = TEST_LINES_MAX if module.relative_to(ROOT).parts[0] == "tests" else LINES_MAX
    lines = module.read_text().splitlines()
    assert len(lines) <= limit
    assert max(map(len, lines), default=0) <= COLUMNS_MAX


def test_it_is_not_called_by_a_vague_name(module):
    path = module.relative_to(ROOT)
    if str(path) not in NAMED_BY_OTHERS:
        assert VAGUE.isdisjoint({*path.parts[:-1], path.stem})
        assert VAGUE.isdisjoint(path.stem.split("_"))


@pytest.mark.parametrize("path", OURS, ids=names(OURS))
def test_its_functions_are_short(path):
    long = {
        node.name: length
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", OURS, ids=names(OURS))
def test_it_catches_everything_only_in_a_loop_that_must_go_on(path):
    caught = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    if caught:
        assert str(path.relative_to(ROOT)) in LOOPS


# The answer to one request, the push to one socket, the wake of one follower, one turn of the
# chores, one job, one pass, one film that is watched.
LOOPS = {
    "media/hls_stream.py",
    "server/endpoint.py",
    "server/realtime.py",
    "server/chores.py",
    "server/mail.py",
    "sync/live.py",
    "sync/worker.py",
    "sync/sequencer.py",
}


@pytest.mark.parametrize("path", FILES, ids=names(FILES))
def test_no_file_knows_the_machine_it_was_written_on(path):
    assert not MACHINE_PATHS.findall(path.read_text(errors="replace"))


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".sql"], ids=lambda p: p.name)
def test_a_line_of_sql_is_short(path):
    assert max(map(len, path.read_text().splitlines())) <= COLUMNS_MAX + 5
