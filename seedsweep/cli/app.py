"""The application: its commands are in `sweeps`, `results`, `compare`, `forecast`, `probes`, `clusters`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import seedsweep
from seedsweep.cli import clusters, compare, forecast, probes, results, sweeps


class Interrupted(BaseException):
    """Ctrl-C in a command that had nothing to save. Typer would end without a word on KeyboardInterrupt."""


class Commands(TyperGroup):
    """The commands; Ctrl-C leaves them as `Interrupted`."""

    def make_context(self, *args: Any, **named: Any) -> Any:
        """Read the command line."""
        with _interrupted():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        with _interrupted():
            return super().invoke(ctx)


@contextmanager
def _interrupted() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted from None


app = typer.Typer(
    cls=Commands,
    help="Train populations of seeds along a scale ladder, and see whether a capability emerges smoothly, "
    "abruptly or by chance.\n\n"
    "A first sweep: seedsweep run pocket/count-depth",
    epilog="Exit status: 0 done; 1 seeds failed, verify or check found something, or probe left something out; "
    "2 bad input; 3 a store that is full, read-only, gone or silent; 4 a Ray cluster that is lost or starts no "
    "worker; 130 stopped by Ctrl-C.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"seedsweep {seedsweep.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


# In the order in which --help lists them.
app.command()(sweeps.run)
app.command()(results.analyze)
app.command("import")(results.import_)
app.command()(results.report)
app.command()(compare.compare)
app.command()(forecast.forecast)
app.command()(probes.probe)
app.command()(sweeps.plan)
app.command()(sweeps.status)
app.command()(sweeps.check)
app.command()(sweeps.compact)
app.command()(sweeps.presets)
app.command()(sweeps.verify)
app.command()(clusters.submit)
