"""The command line: parse, call, print. `seedsweep --help` shows it; the work is done in the other rooms."""

from __future__ import annotations

import os
import sys
import threading

BAD_INPUT, STORAGE, CLUSTER, STOPPED = 2, 3, 4, 130
"""Exit statuses. 1 is for a run with failed seeds, and a verification that found a difference."""


def main() -> None:
    """Entry point: bad input, a disk that fails, a cluster that is lost and Ctrl-C become one line each.

    Each has an exit status of its own. A bug of ours keeps its traceback.
    """
    try:
        status = _invoke()
    except KeyboardInterrupt:  # also while the imports below go on, which take a second
        status = _say("stopped", STOPPED)
    if status == STOPPED:
        # An interrupt inside `exec`, by which dataclasses are made, marks the interpreter to end by the signal,
        # though it was caught; the next `exec` takes the mark away.
        exec("")
    if any(thread.name == "asks an object store" for thread in threading.enumerate()):
        # pyarrow would wait at the end of the process for minutes, until a store that is silent closes the line.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def _invoke() -> int:
    from seedsweep.cli.streams import fit_encoding

    fit_encoding()
    import typer

    from seedsweep.cli.app import Interrupted, app
    from seedsweep.errors import (
        LASTING,
        ArgumentError,
        ClusterError,
        InputError,
        MissingPackageError,
        StorageError,
    )

    # click's UsageError, of the copy of click that this typer brings.
    usage_error: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
    try:
        return app(standalone_mode=False, prog_name="seedsweep") or 0
    except ArgumentError as error:
        return _say(error.on_command_line, BAD_INPUT)
    except (InputError, MissingPackageError) as error:
        return _say(str(error), BAD_INPUT)
    except usage_error as error:
        context = error.ctx
        command = "seedsweep" if context is None else context.command_path
        message = error.format_message().replace("Value error, ", "")
        return _say(f"{message.rstrip('.')}; see {command} --help", BAD_INPUT)
    except StorageError as error:
        return _say(str(error), STORAGE)
    except ClusterError as error:
        return _say(str(error), CLUSTER)
    except OSError as error:
        if error.errno not in LASTING or error.filename is not None:
            raise
        return _say(f"the output cannot be written: {error.strerror}", STORAGE)  # `> file` on a full disk
    except (Interrupted, typer.Abort):
        return _say("stopped", STOPPED)


def _say(message: str, status: int) -> int:
    from seedsweep.cli.streams import shown

    print(f"seedsweep: {shown(' '.join(message.split()))}", file=sys.stderr)
    return status
