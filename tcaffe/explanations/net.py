"""E03xx: how the layers of a net hang together."""

from __future__ import annotations

NET = {
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
    "E0315": """
        A Python layer is not compiled

        A layer of type "Python" is a class of a module that the net names. A compiled net does not import modules, and
        a prototxt from elsewhere must not be able to run code. `tcaffe.Net` runs Python layers, as pycaffe does.
    """,
    "E0316": """
        A Python layer is not found

        python_param names a module and a class in it. The module must be importable where the net is read: put its
        folder on PYTHONPATH, or on sys.path.
    """,
    "E0317": """
        A layer in place where Caffe gets other numbers

        A layer whose top has the name of its bottom writes over it. Some layers still need what was there: the gradient
        of a power needs its bottom, that of a sigmoid its top, and a sum over channels reads what it has written. Caffe
        does not notice, and trains with wrong gradients. Here a blob written over is another value, so results and
        gradients are those of the formulas. Give the top a name of its own and both agree.
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
        Something beside layers of the first format is left out

        In that format all that is said of a layer stands in the inner `layer { }`, except its bottoms and tops, and a
        net has no fields but name, input, input_dim and force_backward. What stands elsewhere was never read.
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
    "E0338": """
        A layer of the second format among layers of the first

        If one `layers` entry holds a `layer { }`, the file is of the first format and all entries must. Give this one
        an inner layer as well, or write the whole net in the current format.
    """,
}
