"""The `tcaffe` command: knows its subcommands by name alone and loads one when it is run."""

from __future__ import annotations

from importlib import import_module

import click

from tcaffe.diagnostics import suggest

COMMANDS = {
    "compile": "Compile a net, and show what became of it.",
    "run": "Run a net or a saved bundle.",
    "train": "Train a net by a solver's prototxt.",
    "convert-images": "Make a database of the images that a list names.",
    "image-mean": "Work out the mean image of a database.",
    "test": "Score a net on the data that its own layers read.",
    "extract": "Write what blobs are for the data a net reads.",
    "plot": "Draw the curves of trainings.",
    "time": "Time a net, layer by layer and kernel by kernel.",
    "plan": "Tell the memory a net will take, before anything runs.",
    "summary": "List the layers: shapes, multiplications, parameters, bytes.",
    "check": "Compare the compiled net with a slow, obviously right one.",
    "draw": "Draw the kernels and the memory over time as a web page.",
    "upgrade": "Rewrite a file of an older Caffe in today's format.",
    "device-query": "Show what there is to compute with.",
    "explain": "Explain an error code.",
    "opt": "Run passes over the text of a graph.",
}
"""Each command and what it does. `commands/NAME.py` holds it, as `NAME`, with _ for each hyphen."""


def module_of(command: str) -> str:
    """The module a command is in, and the name it has there."""
    return command.replace("-", "_")


class LazyGroup(click.Group):
    """A group whose commands are loaded on first use: `tcaffe --help` answers before the compiler could be loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"tcaffe.cli.commands.{module_of(cmd_name)}")
        loaded: click.Command = getattr(module, module_of(cmd_name))
        return loaded

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with; a usage error suggests the nearest name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command '{args[0]}'. {suggest(args[0], COMMANDS)}".strip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tcaffe", prog_name="tcaffe")
def main() -> None:
    """Compile Caffe networks to fused kernels with every byte of memory planned.

    \b
    tcaffe compile net.prototxt --weights net.caffemodel -o net.bundle
    tcaffe run net.bundle --input cat.jpg --top 5 --labels synset_words.txt
    tcaffe plan net.prototxt --memory-limit 2GiB

    `tcaffe COMMAND --help` tells the rest. Exit status: 0 all is well, 1 a problem was found, 2 wrong usage.
    """
