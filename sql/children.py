"""Start a child that dies with its parent and that, started by root, gives root up first."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


class Account(NamedTuple):
    """Whom a child of root becomes; `capability` is the one power of root it keeps."""

    name: str
    uid: int
    gid: int
    capability: int | None = None


def settle(death: signal.Signals, account: Account | None = None) -> Callable[[], None]:
    """What a child does between fork and exec: `Popen(..., preexec_fn=settle(...))`.

    The kernel ties the death signal to the thread that forked, so start children from the
    main thread: from a worker thread they would end with that thread.
    """
    parent = os.getpid()

    def settle_in_child() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if account is not None:
            _become(account)
        _prctl(PR_SET_PDEATHSIG, death)  # A change of user clears it: only now.
        if os.getppid() != parent:
            os._exit(1)  # The parent died before the kernel was asked to tell.

    return settle_in_child


def end_with_parent(death: signal.Signals) -> None:
    """Have the kernel send us `death` when our parent ends, however it ends."""
    _prctl(PR_SET_PDEATHSIG, death)


def reaching(account: Account, path: Path) -> Account:
    """The account, able to walk to `path` even if a folder above it is private.

    Home directories often are. Opening them to everyone is not ours to do; the right to search
    folders, and no other, goes along instead. Only root may write to what these processes run,
    and whoever talks to them is root already, so nobody gains a right that way.
    """
    if all(_may_search(folder, account) for folder in path.resolve().parents):
        return account
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if _permitted() >> capability & 1:
            return account._replace(capability=capability)
    raise PermissionError(f"{account.name} may not search the folders above {path}: open them (x)")


def _may_search(folder: Path, account: Account) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == account.gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)


def _permitted() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return int(line.split()[1], 16)
    return 0


def _become(account: Account) -> None:
    if account.capability is not None:
        # Without this bit access(2), which PostgreSQL asks about its programs, forgets them.
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    if account.capability is not None:
        _keep_only(account.capability)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, account.capability)


def _keep_only(capability: int) -> None:
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    bit = 1 << capability
    low_and_high = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc.capset(header, low_and_high) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _prctl(option: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    if _libc.prctl(option, *padded) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
