"""`tcaffe explain`: the long text of an error code."""

from __future__ import annotations

import click

from tcaffe.cli import screen
from tcaffe.cli.command import command
from tcaffe.diagnostics import CompileError, Diagnostic, suggest
from tcaffe.explanations import EXPLANATIONS
from tcaffe.explanations import explain as explanation


@command
@click.argument("code", required=False)
def explain(code: str | None) -> None:
    """Explain an error CODE at length; without one, list them all.

    \b
    tcaffe explain E0201
    tcaffe explain
    """
    if code is None:
        made = screen.table("code", "what is wrong")
        for known in sorted(EXPLANATIONS):
            screen.row(made, *explanation(known).split("\n")[0].split(": ", 1))
        screen.show(made)
        return
    wanted = code.strip().upper()
    if wanted not in EXPLANATIONS:
        help_ = suggest(wanted, EXPLANATIONS) or "`tcaffe explain` lists them all"
        raise CompileError([Diagnostic("E0607", f"there is no error code `{code}`", suggestion=help_)])
    screen.show(explanation(wanted))
