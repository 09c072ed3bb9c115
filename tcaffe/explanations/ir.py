"""E07xx: graphs and programs as text."""

from __future__ import annotations

IR = {
    "E0701": """
        Text that is no graph or program

        Every line of the textual IR declares one name with its type, and the type must be what the line's op gives for
        its inputs. docs/ir.md has the grammar; the dumps of tcaffe compile --dump-ir are examples of it.
    """,
    "E0702": """
        A pass that does not work on this stage

        The first passes turn graphs to graphs, `fuse` makes a program of kernels, and the passes after it work on
        programs. tcaffe opt --pass takes them in the order of the pipeline, beginning at the stage the file holds.
    """,
}
