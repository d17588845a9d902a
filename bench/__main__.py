"""Run the benchmarks: python -m bench [NAME ...] [--json]."""

from __future__ import annotations

import argparse
from importlib import import_module
from inspect import signature

from bench.figures import show

NAMES = (
    "append",
    "tail_lag",
    "full_sync",
    "delta",
    "live",
    "fanout",
    "upload",
    "footprint",
    "importing",
    "search",
    "share",
    "sync_correctness",
    "thumbnails",
    "timeline",
    "transcode",
    "watch",
)
ONLY_NAMED = ("million",)  # too long for everyday


def main() -> None:
    known = NAMES + ONLY_NAMED
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--json", action="store_true", help="one line per figure")
    parser.add_argument("--assets", type=int, help="in the library of those that take one")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(known):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    for name in arguments.names or NAMES:
        module = import_module(f"bench.{name}")
        takes_assets = "assets" in signature(module.measure).parameters
        sized = {"assets": arguments.assets} if arguments.assets and takes_assets else {}
        figures = module.measure(**sized)
        if arguments.json:
            print("\n".join(figure.as_json() for figure in figures), flush=True)
        else:
            show((module.__doc__ or name).splitlines()[0], figures)


if __name__ == "__main__":
    main()
