"""The long text of every diagnostic code, for `tcaffe explain E0123`.

To add a code, add one entry: a first line that names the problem, then what it means and how to mend it.
"""

from __future__ import annotations

from inspect import cleandoc


def explain(code: str) -> str:
    """The long text of a code, its first line a title; raises KeyError for an unknown code."""
    return f"{code}: {cleandoc(EXPLANATIONS[code])}"


EXPLANATIONS = {
    # ── E01xx: the text format ──────────────────────────────────────────────────────────────────────────
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
    # ── E02xx: the schema ───────────────────────────────────────────────────────────────────────────────
    "E0201": """
        The schema has no such field

        Every message has a fixed set of fields, those of BVLC Caffe. The name may be misspelt, stand one level too
        high or too low (num_output belongs in convolution_param, not in the layer), or come from a fork of Caffe.
        The fields of your own registered layer types are not checked.
    """,
    "E0202": """
        Not one of the names of this enum

        The field takes one of a few names, written without quotes and with the right case, for example pool: MAX.
        Their numbers are accepted as well.
    """,
    "E0203": """
        A value of the wrong kind

        Strings stand in quotes; numbers, true, false and the names of enums do not. Whole-number fields take no
        decimal point. A field that is a message takes braces: weight_filler { type: "xavier" }.
    """,
    "E0204": """
        A whole number out of range

        The field's type cannot hold the number. Most sizes (num_output, kernel_size, stride, pad) are unsigned 32-bit
        numbers and cannot be negative; use an axis of -1 only where a field is signed.
    """,
    "E0205": """
        A single field is given more than once

        Only repeated fields may be given several times. Which of the values was meant cannot be known, so none is
        taken silently. Delete all but one, or merge the two messages into one.
    """,
    "E0206": """
        A required field is missing

        clip_param needs both min and max. All other fields of the schema are optional.
    """,
    "E0207": """
        A placeholder of a template

        Words such as $TARGET_HEIGHT$ are filled in by a script before the file is a net. Replace each with its value,
        for example: sed 's/\\$TARGET_HEIGHT\\$/384/' net.prototxt.template > net.prototxt
    """,
    "E0208": """
        A list where a single value is expected

        The list form name: [1, 2] is a short way to give a repeated field several values. This field is not repeated.
    """,
    "E0209": """
        Text that is not UTF-8

        Names and file names are UTF-8 text. Save the file as UTF-8. (Comments may hold any bytes.)
    """,
    # ── E06xx: files, bundles and arguments ─────────────────────────────────────────────────────────────
    "E0610": """
        HDF5 data that cannot be read

        The source of an HDF5Data layer is a text file with the paths of HDF5 files, relative to the working directory
        and separated by white space. Each file holds a dataset for every top of the layer, called like the top, of
        numbers, all with the same number of rows. Datasets that only link to other files are not followed. Reading
        HDF5 needs the package h5py: pip install 'tcaffe[hdf5]'.
    """,
    "E0620": """
        Not a bundle

        A bundle is the folder that exe.save(folder) writes: manifest.json, kernels.py and weights.bin. One of them is
        missing here, is no regular file, or is larger than any compiled net makes it. Copy the whole folder.
    """,
    "E0621": """
        A bundle's manifest cannot be trusted

        The manifest is not what this version writes: it was damaged or edited, or it is of another version. Values
        must lie within the arena, parameters within the weights, and every name must be defined once. Save the bundle
        anew from the net and its weights.
    """,
    "E0622": """
        A bundle's source cannot be trusted

        The source is not the one that the manifest was written for, or it holds something that no kernel needs: an
        import, a string, a call that is not one of numpy's array functions. It was not run. Save the bundle anew from
        the net and its weights, and do not edit kernels.py.
    """,
    "E0623": """
        A bundle's weights have another size than the manifest says

        The file was cut short, perhaps by a full disk or an interrupted copy, or it belongs to another bundle.
    """,
    "E0624": """
        A folder that is not a bundle would be overwritten

        Saving replaces an older bundle of the same name, or fills an empty folder. This place holds something else.
        Choose another name, or remove what is there yourself.
    """,
}
