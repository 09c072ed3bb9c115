"""E01xx: what can be wrong with the text of a prototxt."""

from __future__ import annotations

SYNTAX = {
    "E0101": """
        Something else was expected here

        A prototxt is made of fields. A field is a name, a colon and a value, or a name and a message in braces:

            name: "conv1"
            convolution_param { num_output: 20 kernel_size: 5 }

        The colon may be left out before a brace, never before a value. Values are numbers, strings in quotes, true
        or false, and the names of an enum. Several values of a repeated field may stand in a list: dim: [1, 3].
    """,
    "E0102": """
        A brace is never closed

        The file ends before the message opened here is closed. Often the missing brace belongs to a message further
        down: look where the indentation and the braces stop agreeing.
    """,
    "E0103": """
        A brace closes nothing, or not what was opened

        Each `}` closes the nearest open `{`, each `>` the nearest `<`. There is one brace too many, or one was opened
        with the other sign.
    """,
    "E0104": """
        A string is not closed on its line

        A string ends with the quote it began with, ' or ", on the same line. Within it, write \\n for a line break,
        \\" for the quote, \\\\ for a backslash. Long strings can be written as several strings one after the other;
        they are joined.
    """,
    "E0105": """
        A malformed number

        Whole numbers are decimal (12), hexadecimal (0x1F) or octal (017: a leading zero is not decimal). Others are
        written 0.5, .5, 1e-3, 2.5f, inf or nan. A minus sign may stand before all of them, a plus sign may not.
        Between a number and a following name there must be a blank.
    """,
    "E0106": """
        A character that means nothing here

        Outside strings and comments only names, numbers, brackets, colons, commas and semicolons have a meaning.
        Assignments with = and comments with // or /* */ are not part of the format: comments begin with #.
    """,
    "E0107": """
        An extension or a message of type Any

        Field names in brackets, [package.name], belong to protobuf extensions and to Any. Caffe's schema has neither.
    """,
    "E0108": """
        Messages are nested too deeply

        Nets nest five levels or so. A file that nests over a hundred is damaged or hostile, and is not read.
    """,
    "E0109": """
        An unknown escape in a string

        After a backslash a string takes one of n t r a b f v ? \\ ' ", up to three octal digits, x and up to two
        hexadecimal digits, u and four of them, or U and eight. In Windows paths use / or double the backslashes.
    """,
}
