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
    # ── E05xx: weights ──────────────────────────────────────────────────────────────────────────────────
    "E0501": """
        A weights file cannot be read

        The path does not exist, is no file, or may not be opened.
    """,
    "E0502": """
        A weights file is broken

        Weights are a binary NetParameter (.caffemodel) or HDF5 (.h5); which, the first bytes tell. This file is
        neither, or was cut off on the way: compare its size with the original's.
    """,
    "E0503": """
        HDF5 needs h5py

        Files with weights in HDF5 are read with h5py, an extra: pip install tcaffe[hdf5].
    """,
    "E0504": """
        A layer has another number of parameters in the file than in the net

        Weights are matched by layer name. Often one side has a bias (bias_term) and the other has none, or the name
        belongs to another kind of layer. A layer that is to start from scratch needs a name the file does not have.
    """,
    "E0505": """
        A parameter has another shape in the file than in the net

        The net's shape follows from the prototxt: num_output, kernel_size, group and the size of the input. Files of
        2013 and 2014 give four numbers, which fit any shape that is the same after leading ones.
    """,
    "E0506": """
        The file has weights for a layer the net does not have

        They are not used. If the net's layer was merely renamed, rename it back; otherwise this is only a remark.
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
    # ── E03xx: the net ──────────────────────────────────────────────────────────────────────────────────
    "E0301": """
        A layer reads a blob that no layer before it makes

        Layers run in the order of the file. Every bottom must be a top of a layer further up, spelt the same way. If
        the layer that makes it is there, it may stand too far down, or its include and exclude rules may leave it out
        in this phase.
    """,
    "E0302": """
        Two layers make a blob of the same name

        A name stands for one blob. A layer may use the name of a blob again only to change it in place: then the name
        is its bottom and its top at the same position, as in bottom: "conv1" top: "conv1" of a ReLU.
    """,
    "E0303": """
        A blob that others need is changed in place

        A layer that writes its top over its bottom destroys what was there. That is refused where another layer has
        read the blob, or where the blob counts as a loss. Give the top a name of its own: tcaffe plans the memory, so
        it costs nothing.
    """,
    "E0304": """
        No layer type has this name

        Type names are case sensitive: "ReLU", "InnerProduct", "LRN". Types of Caffe's forks, and your own, have to be
        registered with @tcaffe.layer before the net is loaded.
    """,
    "E0305": """
        A layer that exists, but cannot be compiled yet

        The type is one of Caffe's, and this version of tcaffe has no rule for it, or none for this phase. A rule is a
        short function: docs/adding-a-layer.md tells how to write one.
    """,
    "E0306": """
        The wrong number of bottoms

        Each layer type takes a number of bottoms of its own: ReLU one, Eltwise two or more, Input none.
    """,
    "E0307": """
        The wrong number of tops

        Each layer type makes a number of tops of its own: ReLU one, Slice one or more, Silence none. Convolution and
        Deconvolution make one top for each bottom.
    """,
    "E0308": """
        This layer cannot work in place

        AbsVal, Flatten, Reshape and Split need a top that is named otherwise than their bottom.
    """,
    "E0309": """
        A list that does not fit the blobs of the layer

        loss_weight is left out, or given once for each top. propagate_down is left out, or given once for each bottom.
    """,
    "E0310": """
        More param entries than parameters

        The param entries of a layer belong to its parameters in order: for a convolution the first to the filters, the
        second to the bias. A layer with bias_term: false has no second one.
    """,
    "E0311": """
        Layers that share a parameter disagree

        Parameters whose param entries carry the same name are one parameter. All layers must give it the same shape,
        or with share_mode: PERMISSIVE the same number of elements, and no two of them different multipliers.
    """,
    "E0312": """
        The shape of an input is missing or impossible

        Programs are compiled for fixed shapes, all positive. Where the prototxt does not give the shape of an input,
        as for a database without crop_size or for HDF5 files, it has to be given: --input data=1x3x224x224, or
        tcaffe.compile(net, inputs={"data": (1, 3, 224, 224)}).
    """,
    "E0313": """
        The net is empty

        No layer is left to compile. Either the file has none, or the include and exclude rules leave all of them out:
        try another --phase, --level or --stage.
    """,
    "E0314": """
        A shape is given for an input the net does not have

        Shapes can be given for the tops of layers that take no bottoms: Input, the data layers and DummyData.
    """,
    "E0330": """
        The old input fields do not agree with each other

        A net may name its inputs with `input: "data"`. Each then needs one `input_shape { dim: ... }`, or four
        `input_dim` numbers (count, channels, height, width). The current way is a layer of type "Input".
    """,
    "E0331": """
        Padding stands in front of a layer that takes none

        In the first format padding was a layer of its own. It is folded into the convolution or pooling layer that
        reads it; other layers have no padding to set.
    """,
    "E0332": """
        The first format has no such layer type

        Files with a `layer { }` inside each `layers { }` are of the first format, whose types are lower-case words
        like conv, pool and innerproduct.
    """,
    "E0333": """
        A field of the first format does not belong to this layer type

        That format kept the fields of all types in one message. This one is set on a layer whose type does not read
        it; it is left out.
    """,
    "E0334": """
        Old and current layers in one file

        `layers` entries (types like CONVOLUTION) and `layer` entries (types like "Convolution") cannot be mixed,
        because their order in the net would be unknown. Rewrite the old ones, or let `tcaffe upgrade` do it for a file
        that has only those.
    """,
    "E0335": """
        A layer of the first format inside a net of the second

        A `layers` entry has a type of its own and also holds a `layer { }` of the older format. The inner one is
        left out.
    """,
    "E0336": """
        The update rule is given twice

        `solver_type: ADAM` is the old way to say `type: "Adam"`. Keep the latter.
    """,
    "E0337": """
        A layer is included and excluded

        A layer may carry `include { }` rules (it is there if any of them is met) or `exclude { }` rules (it is not
        there if any of them is met), not both.
    """,
    # ── E04xx: layers and shapes ────────────────────────────────────────────────────────────────────────
    "E0401": """
        A field of a layer has a value that cannot be

        The value is of the right kind, but means nothing for this layer and these bottoms: a stride of 0, groups that
        do not divide the channels, two fields that say the same thing twice. The note tells what would be right.
    """,
    "E0402": """
        The bottoms of a layer do not fit the layer, or each other

        Shapes follow from the inputs of the net, layer by layer; `tcaffe summary` lists them. A wrong
        shape often comes from far above: an input of another size, a padding, or a pooling that rounds otherwise.
    """,
    "E0403": """
        The blob does not have this axis

        Axes are counted from 0; negative ones from the end, -1 being the last. A blob of images has the axes
        0 item, 1 channel, 2 height, 3 width.
    """,
    "E0404": """
        A blob is too large

        A blob has at most 32 axes and 2147483647 elements, as in Caffe; what a layer pads on the way counts as well.
    """,
    "E0405": """
        A filler that cannot fill its parameter

        Fillers are constant, uniform, gaussian, positive_unitball, xavier, msra and bilinear. A filler must suit the
        shape: bilinear is for square filters. The fields min, max, mean, std and sparse belong to one of them each.
    """,
}
