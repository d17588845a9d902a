"""Whether a folder outside of the data folder can be a library."""

from __future__ import annotations

import os
from pathlib import Path


def problem_with(root: Path, path: str) -> str | None:
    """Why photos cannot be taken from there, in Immich's words; None: they can."""
    if overlaps(root, path):
        return "Cannot use media upload folder for external libraries"
    if not os.path.isabs(path):
        return f"Import path must be absolute, try {os.path.abspath(path)}"
    try:
        if not os.path.isdir(path):
            os.stat(path)  # says why, if it is not there at all
            return "Not a directory"
    except FileNotFoundError:
        return "Path does not exist (ENOENT)"
    except (OSError, ValueError) as error:
        return str(error)
    if not os.access(path, os.R_OK | os.X_OK):
        return "Lacking read permission for folder"
    return None


def overlaps(root: Path, path: str) -> bool:
    """Whether it is in the data folder, or around it, whatever links lead there."""
    try:
        real, data = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    except (OSError, ValueError):
        return False
    return real.is_relative_to(data) or data.is_relative_to(real)
