"""The command line: parse, call, print. `seedsweep --help` shows it; the work is done in the other rooms."""

from __future__ import annotations

import sys

from seedsweep.errors import InputError


def main() -> None:
    """Entry point: bad input becomes one line and exit status 2; a bug of ours keeps its traceback."""
    from seedsweep.cli.app import app

    try:
        app()
    except InputError as error:
        print(f"seedsweep: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("seedsweep: stopped", file=sys.stderr)
        sys.exit(130)
