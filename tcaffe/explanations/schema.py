"""E02xx: fields and values that the schema does not have."""

from __future__ import annotations

SCHEMA = {
    "E0201": """
        The schema has no such field

        Every message has a fixed set of fields, those of BVLC Caffe. The name may be misspelt, stand one level too
        high or too low (num_output belongs in convolution_param, not in the layer), or come from a fork of Caffe.
        Fields of forks are accepted where their meaning is known; the others may change what the net computes.
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
    "E0210": """
        A field of a fork that has no effect

        Some forks of Caffe add fields that choose between implementations, prepare 8-bit arithmetic or shape stored
        data. A compiled net computes the same with and without them, so they are only mentioned, once each.
    """,
    "E0211": """
        A field that the layer's rule does not read

        The layer type is registered from outside, and its rule never asks for this field: the name may be misspelt, or
        the rule may not know it. A rule reads a field of its own with p.foreign("name", default).
    """,
}
