"""What an administrator does from the command line, also while the server is stopped."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from server import connecting
from server.connecting import awake, run
from server.context import Context
from server.terminal import plain
from sql import Database, reads
from sync import config
from sync.actor import Actor
from sync.errors import Refused
from sync.operations import maintenance, system, users

CONSOLE = Actor(UUID(int=0), is_admin=True)
LEAVE_SECONDS = 30.0  # Servers restart into the mode within a second or two.
LOOK_SECONDS = 0.2

Password = Annotated[
    str | None, typer.Option(help="The new one; if absent, one is made up and shown.")
]

maintenance_app = typer.Typer(
    no_args_is_help=True, help="Keep everybody out but administrators, and let them in again."
)


def attach(app: typer.Typer) -> None:
    """Add them all."""
    app.add_typer(maintenance_app, name="maintenance")
    for command in (
        list_users, reset_password, reset_admin_password, grant_admin, revoke_admin,
        enable_password_login, disable_password_login, enable_oauth_login, disable_oauth_login,
        backup, restore,
    ):  # fmt: skip
        app.command()(command)


def list_users() -> None:
    """Show everybody who can log in: id, e-mail, name, and who administrates."""
    with awake():
        for user in run(_list_users()):
            mark = "admin" if user["is_admin"] else "user"
            typer.echo(plain(f"{user['id']}  {mark:<5}  {user['email']}  {user['name']}"))


def reset_password(email: str, password: Password = None) -> None:
    """Give somebody a new password. All their sessions end."""
    with awake():
        run(_reset_password(email, password))


def reset_admin_password(password: Password = None) -> None:
    """Give the first administrator a new password. All their sessions end."""
    with awake():
        run(_reset_password(None, password))


def grant_admin(email: str) -> None:
    """Let somebody administrate the server."""
    with awake():
        run(_change_account(email, {"is_admin": True}))
    typer.echo(f"{email} administrates the server now")


def revoke_admin(email: str) -> None:
    """Let somebody administrate the server no more. One administrator stays."""
    with awake():
        run(_change_account(email, {"is_admin": False}))
    typer.echo(f"{email} does not administrate the server any more")


def enable_password_login() -> None:
    """Let people log in with their passwords."""
    _set("passwordLogin.enabled", True, "People can log in with their passwords")


def disable_password_login() -> None:
    """Let nobody log in with a password."""
    _set("passwordLogin.enabled", False, "Nobody can log in with a password any more")


def enable_oauth_login() -> None:
    """Let people log in by the provider that is set up."""
    _set("oauth.enabled", True, "People can log in by the provider")


def disable_oauth_login() -> None:
    """Let nobody log in by a provider."""
    _set("oauth.enabled", False, "Nobody can log in by a provider any more")


@maintenance_app.command("on")
def maintenance_on() -> None:
    """Enter the mode. The address that is shown lets whoever opens it in."""
    with awake():
        run(_enter())


@maintenance_app.command("off")
def maintenance_off() -> None:
    """Leave the mode."""
    with awake():
        run(_leave())
    typer.echo("Maintenance mode is off")


def backup() -> None:
    """Back the database up into the folder of backups."""
    with awake():
        typer.echo(run(_back_up()))


def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .sql or .sql.gz.")],
) -> None:
    """Put a backup in the place of the database: all of it, or nothing is changed.

    What was there before is backed up first. Servers that run wait in maintenance mode.
    """
    if not file.name.endswith((".sql", ".sql.gz")):
        raise typer.BadParameter("is not called .sql or .sql.gz", param_hint="FILE")
    with awake():
        run(_restore(file.resolve()))
    typer.echo(f"Restored {file.name}")


async def _list_users() -> list[reads.users.list_accounts_row]:
    async with connecting.database() as database, database.read() as connection:
        return await reads.users.list_accounts(connection, user_id=None, with_deleted=False)


async def _reset_password(email: str | None, password: str | None) -> None:
    from server.authentication import hash_password, make_token  # They bring the web server along.

    chosen = password or make_token()
    if email is None:
        admins = [user for user in await _list_users() if user["is_admin"]]
        if not admins:
            raise Refused("Nobody administrates this server yet: see `heliograph user create`")
        email = min(admins, key=lambda user: user["created_at"])["email"]
    hashed = await hash_password(chosen)
    await _change_account(email, {"password": hashed, "should_change_password": False})
    typer.echo(f"{email} has a new password" + ("" if password else f": {chosen}"))


async def _change_account(email: str, changes: dict[str, Any]) -> None:
    async with connecting.database() as database, database.write() as tx:
        user = await reads.users.find_login(tx, email=email.lower())
        if user is None:
            raise Refused(f"There is no user {email}")
        await users.update_account(tx, CONSOLE, user["id"], changes)


def _set(path: str, value: bool, said: str) -> None:
    async def change() -> None:
        async with connecting.database() as database, database.write() as tx:
            await system.change_config(tx, {path: value})

    with awake():
        run(change())
    typer.echo(said)


async def _enter() -> None:
    from server import tickets

    async with connecting.database() as database:
        async with database.read() as connection:
            mode = await maintenance.find(connection)
            in_force = await config.load(connection)
        if mode is None:
            mode = maintenance.Mode(secret=tickets.make_secret())
            async with database.write() as tx:
                await maintenance.start(tx, mode, by="the command line")
    address = in_force.server.external_domain or "http://localhost:2283"
    ticket = tickets.sign(mode.secret, "the command line")
    typer.echo(f"Maintenance mode is on: {address}/maintenance?token={ticket}")


async def _leave() -> None:
    async with connecting.database() as database, database.write() as tx:
        if await maintenance.find(tx) is None:
            raise Refused("Maintenance mode is off already")
        await maintenance.end(tx, by="the command line")


async def _back_up() -> str:
    from server import backups
    from storage.backups import list_backups

    async with connecting.database() as database:
        context = await _context(database)
        await backups.back_up(context)
    folder = context.root / "backups"
    return str(folder / (await asyncio.to_thread(list_backups, context.root))[0].name)


async def _restore(path: Path) -> None:
    from server import tickets

    async with connecting.database() as database:
        async with database.read() as connection:
            before = await maintenance.find(connection)
        mode = before or maintenance.Mode(secret=tickets.make_secret())
        if before is None:
            async with database.write() as tx:
                await maintenance.start(tx, mode, by="the command line")
        try:
            await _await_servers(database)
            await _restore_alone(await _context(database), path, mode)
        finally:  # Either is whole: what came back, or what was there.
            if before is None:
                async with database.write() as tx:
                    await maintenance.end(tx, by="the command line")


async def _restore_alone(context: Context, path: Path, mode: maintenance.Mode) -> None:
    """Where nobody else does, and so that servers that wait can tell how far it is."""
    from server.restore import restore
    from server.restoring import Restoring
    from server.wire.maintenance import Status

    restoring, telling = Restoring(context.root, mode.secret), set[asyncio.Task[None]]()
    if not await restoring.hold():
        raise Refused("A restore is in progress")

    def tell(task: str, progress: int) -> None:
        typer.echo(f"{progress:>3} %  {task}", err=True)
        status = Status("restore_database", task=task, progress=progress)
        telling.add(asyncio.ensure_future(restoring.say(status)))

    try:
        await restore(context, path, mode, tell=tell)
    finally:
        await asyncio.gather(*telling, return_exceptions=True)
        restoring.forget()
        restoring.release()


async def _await_servers(database: Database) -> None:
    """Until those that run have left their work."""
    until = time.monotonic() + LEAVE_SECONDS
    while True:
        async with database.read() as connection:
            health = await reads.health.get_health(connection)
        if not health["has_sequencer"] and not health["workers"]:
            return
        if time.monotonic() > until:
            raise Refused("A server or a worker still runs: stop it, and try again")
        await asyncio.sleep(LOOK_SECONDS)


async def _context(database: Database) -> Context:
    async with database.read() as connection:
        return Context(database, connecting.root(), None, await config.load(connection))
