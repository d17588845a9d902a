"""Everything of one machine: start Postgres, the server and the worker, and keep them running.

    python -m server.supervisor [--stop-with-parent]

It lives as long as the product runs, so it imports nothing but the standard library. Each child
dies with it, whatever kills it; what a child leaves behind is ended by the next start.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from types import FrameType
from typing import IO, NamedTuple, NoReturn
from urllib.parse import urlsplit

from sql.children import end_with_parent, settle
from sql.embedded import NotStarted, Postgres, take_lock

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SERVER_STOP_SECONDS = 2.2  # it waits two for open requests
WORKER_STOP_SECONDS = 1.0
RESTART_SECONDS_MIN = 0.2
RESTART_SECONDS_MAX = 10.0
STEADY_SECONDS = 30.0  # whoever ran that long has earned a quick restart


class Settings(NamedTuple):
    """The environment, read once."""

    root: Path
    database_url: str | None

    @classmethod
    def read(cls) -> Settings:
        return cls(
            root=Path(os.environ.get("HELIOGRAPH_DATA", "data")).resolve(),
            database_url=os.environ.get("DATABASE_URL") or None,
        )


class Stopped(Exception):
    """Somebody asked us to stop."""


class Backoff:
    """When to start something again that keeps ending."""

    def __init__(self) -> None:
        self.due: float | None = None
        self._seconds = RESTART_SECONDS_MIN
        self._started = time.monotonic()

    def note_start(self) -> None:
        self.due = None
        self._started = time.monotonic()

    def note_end(self) -> None:
        if self.due is not None:
            return
        now = time.monotonic()
        if now - self._started > STEADY_SECONDS:
            self._seconds = RESTART_SECONDS_MIN
        self.due = now + self._seconds
        self._seconds = min(self._seconds * 2, RESTART_SECONDS_MAX)


class Child:
    """`python -m MODULE`, in a session of its own: Ctrl-C reaches it through us, in our order."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.backoff = Backoff()
        self.process: Popen[bytes] | None = None
        self.is_paused = False
        self._unread = b""

    def start(self, environment: dict[str, str]) -> IO[bytes]:
        """Run it; return its standard output, to be read when there is some."""
        self._unread = b""
        self.process = Popen(
            [sys.executable, "-m", self.module],
            stdout=PIPE,
            env=environment,
            start_new_session=True,
            preexec_fn=settle(signal.SIGKILL),
        )
        self.backoff.note_start()
        assert self.process.stdout is not None
        return self.process.stdout

    def read_lines(self, output: IO[bytes]) -> list[str] | None:
        """The lines that are complete by now; None at the end of the output."""
        data = os.read(output.fileno(), 65536)
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines] if data else None

    def stop(self, seconds: float) -> None:
        if self.process is None:
            return
        self.process.terminate()
        with suppress(TimeoutError):
            _await(lambda: self.process is None or self.process.poll() is not None, seconds)
        self.sweep()
        self.process.wait()

    def sweep(self) -> None:
        """End it with whatever it started itself."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._environment = os.environ | {"HELIOGRAPH_DATA": str(settings.root)}
        self._postgres: Postgres | None = None
        self._postgres_backoff = Backoff()
        self._server, self._worker = Child("server"), Child("media")
        self._ready: dict[str, str] = {}  # module → what it said after "ready"
        self._is_announced = False
        self._selector = selectors.DefaultSelector()
        self._wake_up, self._bell = socket.socketpair()

    def run(self) -> NoReturn:
        """Until Stopped is raised by a signal, or NotStarted because something never worked."""
        self._listen_for_signals()
        _make_root(self._settings.root)
        if take_lock(self._settings.root / "heliograph.lock") is None:
            raise NotStarted(f"Another heliograph serves {self._settings.root}")
        self._environment["DATABASE_URL"] = self._settings.database_url or self._start_postgres()
        self._migrate()
        os.umask(0o077)  # Photos are nobody else's business.
        for child in (self._server, self._worker):
            self._start(child)
        while True:
            for key, _ in self._selector.select(self._seconds_to_restart()):
                key.data()
            self._note_ends()
            self._restart()

    def stop(self) -> None:
        """Those who use Postgres first. All of it fits into five seconds."""
        self._server.stop(SERVER_STOP_SECONDS)
        self._worker.stop(WORKER_STOP_SECONDS)
        if self._postgres is not None:
            self._postgres.stop()

    def _listen_for_signals(self) -> None:
        for number in STOP_SIGNALS:
            signal.signal(number, _raise_stopped)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for end in (self._wake_up, self._bell):
            end.setblocking(False)
        signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._wake_up, selectors.EVENT_READ, self._hear_bell)

    def _hear_bell(self) -> None:
        with suppress(BlockingIOError):
            self._wake_up.recv(4096)

    def _start_postgres(self) -> str:
        self._postgres = Postgres(self._settings.root / "postgres")
        dsn = self._postgres.start()
        self._postgres_backoff.note_start()
        return dsn

    def _migrate(self) -> None:
        process = Popen(
            [sys.executable, "-m", "sql.migrate"],
            env=self._environment,
            stdout=PIPE,
            stderr=PIPE,
            preexec_fn=settle(signal.SIGKILL),
        )
        _, errors = process.communicate()
        if process.returncode != 0:
            raise NotStarted(f"The database is not up to date:\n{errors.decode(errors='replace')}")

    def _start(self, child: Child) -> None:
        output = child.start(self._environment)

        def forward() -> None:
            lines = child.read_lines(output)
            if lines is None:
                self._selector.unregister(output)
                output.close()
            for line in lines or ():
                self._note_line(child, line)

        self._selector.register(output, selectors.EVENT_READ, forward)

    def _note_line(self, child: Child, line: str) -> None:
        word, _, rest = line.partition(" ")
        if child is self._server and word in ("ready", "maintenance"):
            self._let_work(word == "ready")
        elif word != "ready":
            _say(f"{child.module}: {line}")
            return
        if child.module in self._ready:
            _say(f"{child.module}: {line}")
        self._ready[child.module] = rest
        if child is self._server:  # A free port that was found once is kept.
            self._environment["HELIOGRAPH_PORT"] = str(urlsplit(rest).port)
        is_complete = len(self._ready) == 2 or word == "maintenance"
        if is_complete and not self._is_announced:
            self._is_announced = True
            print(f"ready {self._ready[self._server.module]}", flush=True)

    def _let_work(self, is_wanted: bool) -> None:
        """Nobody works on pictures while the server maintains what they would write to."""
        if is_wanted and self._worker.is_paused:
            self._worker.is_paused = False
            self._start(self._worker)
        elif not is_wanted and not self._worker.is_paused:
            self._worker.is_paused = True
            self._worker.stop(WORKER_STOP_SECONDS)
            self._worker.backoff.note_start()  # If it was to start again, it is not now.

    def _note_ends(self) -> None:
        for child in (self._server, self._worker):
            assert child.process is not None
            status = child.process.poll()
            if status is None or child.is_paused or child.backoff.due is not None:
                continue
            if child.module not in self._ready:
                raise NotStarted(f"{child.module} ended with {status} before it was ready")
            _say(f"{child.module} ended with {status}, starting it again")
            child.sweep()
            child.backoff.note_end()
        if self._postgres is not None and self._postgres.poll() is not None:
            if self._postgres_backoff.due is None:
                _say(f"PostgreSQL ended with {self._postgres.poll()}, starting it again")
            self._postgres_backoff.note_end()

    def _seconds_to_restart(self) -> float | None:
        backoffs = (self._postgres_backoff, self._server.backoff, self._worker.backoff)
        waits = [backoff.due - time.monotonic() for backoff in backoffs if backoff.due is not None]
        return max(0.0, min(waits)) if waits else None

    def _restart(self) -> None:
        if self._postgres is not None and _is_due(self._postgres_backoff):
            try:
                self._postgres_backoff.note_start()
                self._postgres.start()
            except NotStarted as problem:
                _say(str(problem))
                self._postgres_backoff.note_end()
        for child in (self._server, self._worker):
            if _is_due(child.backoff):
                self._start(child)


def _is_due(backoff: Backoff) -> bool:
    return backoff.due is not None and time.monotonic() >= backoff.due


def _raise_stopped(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # Once is enough.
    raise Stopped


def _make_root(root: Path) -> None:
    if not root.exists():
        root.mkdir(parents=True)
        root.chmod(0o711 if os.geteuid() == 0 else 0o700)  # PostgreSQL may have to walk through.


def _await(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.01)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    if "--stop-with-parent" in sys.argv[1:]:
        end_with_parent(signal.SIGTERM)
    supervisor = Supervisor(Settings.read())
    try:
        supervisor.run()
    except Stopped:
        supervisor.stop()
    except (NotStarted, OSError) as problem:
        supervisor.stop()
        raise SystemExit(f"heliograph: {problem}") from None


if __name__ == "__main__":
    main()
