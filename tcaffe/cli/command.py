"""Commands: what all of them do when something goes wrong."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, TypeVar

import click

from tcaffe.cli import screen
from tcaffe.diagnostics import CompileError, Diagnostic

Function = TypeVar("Function", bound=Callable[..., None])

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended
AS_JSON = "tcaffe.json"  # the context's note that the user wants JSON


class Command(click.Command):
    """A command that answers a user's mistakes with diagnostics and status 1, and Ctrl-C with status 130."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except CompileError as error:
            fail(ctx, *error.diagnostics)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # nobody reads any more; click ends quietly
            fail(ctx, _diagnosed(error))
        except MemoryError as error:
            fail(ctx, Diagnostic("E0606", f"not enough memory: {error}", note="`tcaffe plan` tells what a net takes"))
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)


def command(function: Function) -> Command:
    """Make a command of a function: its name is the function's, with `-` for `_`, its help the docstring."""
    return click.command(cls=Command, name=function.__name__.rstrip("_").replace("_", "-"))(function)


def json_option(function: Function) -> Function:
    """Add `--json`: the result, or the diagnostics, as one JSON document on stdout."""
    option = click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=_remember, help="Print the result as JSON."
    )
    return option(function)


def fail(ctx: click.Context, *diagnostics: Diagnostic) -> None:
    """Show why the command cannot do what was asked, and end it with status 1."""
    if ctx.find_root().meta.get(AS_JSON):
        screen.write_json({"diagnostics": [d.json() for d in diagnostics]})
    else:
        screen.complain(diagnostics)
    ctx.exit(1)


def _remember(ctx: click.Context, option: click.Parameter, wanted: bool) -> bool:
    ctx.find_root().meta[AS_JSON] = wanted
    return wanted


def _diagnosed(error: OSError) -> Diagnostic:
    where = f"`{error.filename}`: " if error.filename else ""
    return Diagnostic("E0604", f"{where}{error.strerror or error}")
