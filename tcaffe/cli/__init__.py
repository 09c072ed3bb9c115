"""The command line: `tcaffe compile|run|plan|...`. Importing it loads neither numpy nor the compiler."""

from tcaffe.cli.group import main

__all__ = ["main"]
