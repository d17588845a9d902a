"""The command line: heliograph serve | worker | migrate | log | user create | doctor [sync]."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import typer

from server import commands, connecting, sync_report
from server.commands import CONSOLE
from server.connecting import fail, require_address, run
from server.doctor import Finding, Verdict, examine
from server.terminal import plain
from sql import Database, Disconnected, reads
from sql.migrate import migrate as migrate_database
from sync import doctor as sync_doctor
from sync import tail
from sync.operations import users
from sync.tail import Entry
from sync.topics import EVERYONE

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="""A photo and video backend for the Immich apps.

    Environment: HELIOGRAPH_DATA (./data), HELIOGRAPH_HOST (127.0.0.1), HELIOGRAPH_PORT (2283),
    DATABASE_URL (an embedded PostgreSQL in the data folder), HELIOGRAPH_WEB_ROOT (none),
    HELIOGRAPH_RELEASES_URL (none).
    """,
)
user_app = typer.Typer(no_args_is_help=True, help="The people who use this server.")
app.add_typer(user_app, name="user")
doctor_app = typer.Typer(help="Look whether everything is well, or what is not.")
app.add_typer(doctor_app, name="doctor")

ITEMS_SHOWN = 3
PAGE = 5_000
COLORS = {Verdict.WELL: "green", Verdict.LOOK: "yellow", Verdict.WRONG: "red"}


@app.command()
def serve(
    stop_with_parent: Annotated[
        bool, typer.Option("--stop-with-parent", help="Stop when the process that started it ends.")
    ] = False,
) -> None:
    """Run everything: database, server and worker. Ctrl-C stops it."""
    _become("server.supervisor", *(["--stop-with-parent"] if stop_with_parent else []))


@app.command()
def worker() -> None:
    """Run one more worker beside a server, here or on another machine with the same files."""
    os.environ["DATABASE_URL"] = require_address()
    _become("media")


@app.command()
def migrate() -> None:
    """Bring the database up to date. `serve` does this by itself."""
    try:
        applied = migrate_database(require_address())
    except Disconnected as problem:
        fail(f"The database does not answer: {problem}")
    print("\n".join(f"applied {name}" for name in applied) or "up to date")


@app.command()
def log(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens.")
    ] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, help="Entries to begin with.")] = 20,
    admin: Annotated[
        bool, typer.Option("--admin", help="Only what administrators did, and who it was.")
    ] = False,
) -> None:
    """Show the change log: position, time, topic, whose, which, what."""
    run(_show_log(last=last, is_following=follow, is_audit=admin))


@user_app.command("create")
def create_user(
    email: str,
    password: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, confirmation_prompt=True, help="Asked if absent."
        ),
    ],
    name: Annotated[str, typer.Option(help="Shown to others; the e-mail if absent.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May administer the server.")] = False,
) -> None:
    """Add a person who can log in."""
    if "@" not in email.strip("@"):
        raise typer.BadParameter("is no e-mail address", param_hint="EMAIL")
    user_id = run(_create_user(email, name or email, password, is_admin=admin))
    print(f"created {email} with the id {user_id}")


@doctor_app.callback(invoke_without_command=True)
def doctor(context: typer.Context) -> None:
    """Look whether everything is well; the exit status is 1 if something is wrong."""
    if context.invoked_subcommand:
        return
    _exit_on(run(_show_findings(connecting.root(), connecting.find_address())))


@doctor_app.command("sync")
def doctor_sync(
    user: Annotated[str | None, typer.Option(help="Only the devices of this e-mail.")] = None,
    session: Annotated[UUID | None, typer.Option(help="Only this device.")] = None,
    repair: Annotated[
        str | None, typer.Option(help="Send the device this again: AssetsV2, AlbumsV2, ...")
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Let the device start anew.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="What the device counted in its copy, as JSON."
        ),
    ] = None,
    recheck: Annotated[
        bool,
        typer.Option(
            "--recheck", help="Search for all that would jam an app; send again what would not."
        ),
    ] = False,
) -> None:
    """Show how each device's copy is: how far, how its last stream went, what would jam it."""
    if session is None and (repair or reset or compare):
        raise typer.BadParameter("name the device", param_hint="--session")
    if session and repair:
        run(_repair(session, repair))
    elif session and reset:
        run(_start_anew(session))
    elif session and compare:
        _exit_on(run(_compare(session, compare.read_bytes())))
    elif recheck:
        _exit_on(run(_recheck()))
    else:
        _exit_on(run(_show_copies(user, session)))


commands.attach(app)


def main() -> None:
    app()


async def _show_log(*, last: int, is_following: bool, is_audit: bool) -> None:
    async with connecting.database() as database:
        names = await _list_names(database)
        head = await tail.head(database)
        for entry in await _read_last(database, head, last, is_audit=is_audit):
            typer.echo(show_entry(entry, names))
        if not is_following:
            return
        async for entries in tail.follow(database, head):
            if any(entry.topic.startswith("user.") for entry in entries):
                names = await _list_names(database)
            for entry in entries:
                if not is_audit or entry.facts.get("by"):
                    typer.echo(show_entry(entry, names))


async def _read_last(database: Database, head: int, count: int, *, is_audit: bool) -> list[Entry]:
    """The newest so many, the oldest of them first."""
    found: list[Entry] = []
    upto, step = head, PAGE if is_audit else count
    while upto > 0 and len(found) < count:
        after = max(upto - step, 0)
        async with database.read() as connection:
            entries = await tail.read(connection, after, limit=upto - after)
        found = [one for one in entries if not is_audit or one.facts.get("by")] + found
        upto = after
    return found[-count:] if count else []


def show_entry(entry: Entry, names: dict[UUID, str]) -> str:
    """One line: `   42  12:41:04.123  asset.uploaded  alice  0198f3c2  file_name=a.jpg`."""
    whose = "everyone" if entry.scope == EVERYONE else _show(names.get(entry.scope, entry.scope))
    said = {name: value for name, value in entry.facts.items() if (name, value) != ("by", None)}
    if "by" in said:
        said["by"] = _name(str(said["by"]), names)
    facts = " ".join(f"{name}={_show(value)}" for name, value in said.items())
    parts = [
        typer.style(f"{entry.pos:>7}", dim=True),
        f"{entry.at.astimezone():%H:%M:%S.%f}"[:-3],
        typer.style(f"{entry.topic:<24}", fg="cyan"),
        whose,
        _show(entry.entity_ids),
        typer.style(facts, dim=True) if facts else "",
    ]
    return "  ".join(filter(None, parts))


def _name(by: str, names: dict[UUID, str]) -> str:
    """Of who did it: mostly an id, and a name where nobody could be asked for theirs."""
    try:
        user_id = UUID(by)
    except ValueError:
        return by
    return names.get(user_id, "the command line" if user_id == CONSOLE.user_id else by)


def _show(value: object) -> str:
    match value:
        case UUID():
            return value.hex[:8]
        case bytes():
            return value.hex()[:8]
        case datetime():
            return value.isoformat(timespec="seconds")
        case list() | tuple():
            more = f" +{len(value) - ITEMS_SHOWN}" if len(value) > ITEMS_SHOWN else ""
            return ",".join(map(_show, value[:ITEMS_SHOWN])) + more
        case _:
            return plain(str(value))


async def _list_names(database: Database) -> dict[UUID, str]:
    async with database.read() as connection:
        return {user["id"]: user["name"] for user in await reads.users.list_users(connection)}


async def _create_user(email: str, name: str, password: str, *, is_admin: bool) -> UUID:
    from server.authentication import hash_password  # It brings the whole web server along.

    password_hash = await hash_password(password)
    async with connecting.database() as database, database.write() as tx:
        if is_admin and not await reads.users.has_admin(tx):
            return await users.sign_up_admin(
                tx, email=email, name=name, password_hash=password_hash
            )
        return await users.create_user(
            tx, email=email, name=name, password_hash=password_hash, is_admin=is_admin
        )


async def _show_findings(root: Path, dsn: str | None) -> int:
    """Print them all; how many are wrong."""
    return sum([_echo(finding) async for finding in examine(root, dsn)])


async def _show_copies(email: str | None, session_id: UUID | None) -> int:
    """Print them all; how much is wrong."""
    wrong = 0
    async with connecting.database() as database, database.snapshot() as connection:
        async for copy, findings in sync_report.report(
            connection, email=email, session_id=session_id
        ):
            typer.echo(plain(sync_report.title(copy)))
            wrong += sum(_echo(finding, indent="  ") for finding in findings)
    return wrong


async def _compare(session_id: UUID, data: bytes) -> int:
    async with connecting.database() as database, database.snapshot() as connection:
        return sum(map(_echo, await sync_report.compare(connection, session_id, data)))


async def _recheck() -> int:
    async with connecting.database() as database:
        return sum(map(_echo, sync_report.tell_search(await sync_doctor.search_all(database))))


async def _repair(session_id: UUID, request: str) -> None:
    async with connecting.database() as database, database.write() as tx:
        is_sure = await sync_doctor.repair(tx, session_id, request)
    typer.echo(f"{request} is sent again, from the start, at the next stream")
    if not is_sure:
        typer.echo("Of what is long gone it may keep some: to be sure, let it start anew (--reset)")


async def _start_anew(session_id: UUID) -> None:
    async with connecting.database() as database, database.write() as tx:
        await sync_doctor.start_anew(tx, session_id)
    typer.echo("The device starts anew at its next stream")


def _echo(finding: Finding, *, indent: str = "") -> bool:
    """Print it; whether it is wrong."""
    typer.echo(f"{indent}{show_finding(finding)}")
    return finding.verdict is Verdict.WRONG


def _exit_on(wrong: int) -> None:
    if wrong:
        raise typer.Exit(1)


def show_finding(finding: Finding) -> str:
    verdict = typer.style(f"{finding.verdict.value:<5}", fg=COLORS[finding.verdict])
    return f"{verdict}  {finding.about:<16}  {plain(finding.text)}"


def _become(module: str, *arguments: str) -> NoReturn:
    """Not a child of this process: what runs for weeks shall not carry a command line along."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
