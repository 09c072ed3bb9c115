"""E04xx: what single layers can be asked to do."""

from __future__ import annotations

LAYERS = {
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
