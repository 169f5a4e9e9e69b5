"""The command line: parse, call, print. `seedsweep --help` shows it; the work is done in the other rooms."""

from __future__ import annotations

import sys

from seedsweep.errors import ArgumentError, InputError, MissingPackageError


def main() -> None:
    """Entry point: bad input becomes one line and exit status 2; a bug of ours keeps its traceback."""
    import typer

    from seedsweep.cli.app import app

    # click's UsageError, of the copy of click that this typer brings.
    usage_error: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
    try:
        status = app(standalone_mode=False)
    except ArgumentError as error:
        sys.exit(_refuse(error.on_command_line))
    except (InputError, MissingPackageError) as error:
        sys.exit(_refuse(str(error)))
    except usage_error as error:
        message = error.format_message().replace("Value error, ", "")
        sys.exit(_refuse(f"{message.rstrip('.')}; see seedsweep --help"))
    except (KeyboardInterrupt, typer.Abort):
        print("seedsweep: stopped", file=sys.stderr)
        sys.exit(130)
    sys.exit(status or 0)


def _refuse(message: str) -> int:
    print(f"seedsweep: {' '.join(message.split())}", file=sys.stderr)
    return 2
