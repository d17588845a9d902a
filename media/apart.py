"""A process of its own for each decoding that may crash, never end, or take all memory."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from media.errors import UnreadableImage

# What a developed RAW picture of 200 megapixels needs on an old machine that has much to do.
WALL_SECONDS = 300
CPU_SECONDS = 120
MEMORY_BYTES = 6 << 30  # of addresses; what is really used is about half

# Decoders work side by side: threads inside one would only cost memory.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Forked from a process that has the decoders in memory and nothing else: no thread, no socket.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["media.decoders", "media.raw", "pillow_jxl", "rawpy"])
_starting = threading.Lock()


class NotApart(Exception):
    """The picture is not to blame, so that it is worth another try."""


class Pixels(NamedTuple):
    """A picture as it is stored: rows of `bands` samples, 8 or 16 bits each."""

    width: int
    height: int
    bands: int
    bits: int
    samples: bytes | bytearray | memoryview
    space: str = "srgb"  # or `cmyk`, `lab`, `b-w`, as libvips calls them
    profile: bytes | None = None
    orientation: int = 1


def pixels_of(
    samples: NDArray[Any],
    space: str | None = None,
    *,
    profile: bytes | None = None,
    orientation: int = 1,
) -> Pixels:
    """`samples` has the shape (height, width) or (height, width, bands)."""
    height, width, bands = samples.shape if samples.ndim == 3 else (*samples.shape, 1)
    return Pixels(
        width,
        height,
        bands,
        samples.dtype.itemsize * 8,
        np.ascontiguousarray(samples).data.cast("B"),
        space or ("b-w" if bands < 3 else "srgb"),
        profile,
        orientation,
    )


def run(work: Callable[..., Any], *arguments: Any) -> Any:
    """What `work` (of a module) returns for these arguments, in bounds of time and memory.

    Raises UnreadableImage where it raised that, or where its process had to die; RuntimeError for
    other errors; and NotApart where there was no process, or somebody else ended it.
    """
    ours, theirs = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_perform, args=(theirs, work, arguments), daemon=True)
    with ours:
        try:
            with _starting:
                process.start()
        except (OSError, EOFError) as error:
            raise NotApart(f"No process could be started ({error!r})") from error
        theirs.close()  # Or the end of the process would not end the pipe.
        try:
            if not ours.poll(WALL_SECONDS):
                raise UnreadableImage(f"It takes longer than {WALL_SECONDS} seconds to decode")
            is_done, result = ours.recv()
            if isinstance(result, Pixels):
                result = result._replace(samples=_receive(ours, result))
        except EOFError:
            process.join()
            raise _reason_of_death(process.exitcode) from None
        finally:
            process.kill()
            process.join()
    if not is_done:
        raise result
    return result


def _reason_of_death(code: int | None) -> Exception:
    if code == -signal.SIGKILL:
        return NotApart("The decoder was killed, perhaps as there was too little memory")
    if code == -signal.SIGXCPU:
        return UnreadableImage(f"It takes longer than {CPU_SECONDS} seconds to decode")
    return UnreadableImage("The decoder crashed")


def _perform(answer: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))  # Told, then killed.
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Decoders explain themselves there, each in its own way; we tell the reason in the log.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        message: tuple[bool, Any] = True, work(*arguments)
    except UnreadableImage as error:
        message = False, error
    except MemoryError:
        message = False, UnreadableImage("It takes more memory to decode than one picture is given")
    except BaseException as error:  # Decoders written in Rust panic outside of Exception.
        detail = str(getattr(error, "detail", "") or error).strip()
        message = False, RuntimeError(detail or repr(error))
    _, result = message
    if not isinstance(result, Pixels):
        answer.send(message)
        return
    answer.send((True, result._replace(samples=b"")))
    with open(answer.fileno(), "wb", closefd=False) as pipe:
        pipe.write(result.samples)


def _receive(answer: Connection, described: Pixels) -> bytearray:
    """Hundreds of megabytes, which a message would hold three times."""
    samples = bytearray(described.height * described.width * described.bands * described.bits // 8)
    with open(answer.fileno(), "rb", buffering=0, closefd=False) as pipe:
        rest = memoryview(samples)
        while rest:
            count = pipe.readinto(rest)
            if not count:
                raise EOFError
            rest = rest[count:]
    return samples
