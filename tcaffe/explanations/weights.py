"""E05xx: files with weights."""

from __future__ import annotations

WEIGHTS = {
    "E0501": """
        A file of weights, or of the gains of an InfogainLoss, cannot be read

        The path does not exist, is no file, or may not be opened.
    """,
    "E0502": """
        A file of weights, or of the gains of an InfogainLoss, is broken, or something else

        Weights are a binary NetParameter (.caffemodel) or HDF5 (.h5); which, the first bytes tell. This file is
        neither, or was cut off on the way: compare its size with the original's. A prototxt, a mean image and a
        snapshot's .solverstate hold no weights. Gains are one array, a binary BlobProto (.binaryproto).
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

        They are not used. If the net's layer was merely renamed, rename it back; otherwise this is only a remark:
        losses and side branches of training are not in a net that is deployed.
    """,
    "E0507": """
        The net has a layer the file has no weights for

        Its parameters start as their fillers say: at random, or at zero. That is right for a layer that is to be
        trained, and makes the results of a net that is deployed worthless. Layers are matched by name.
    """,
    "E0508": """
        A layer's name that HDF5 cannot store

        In HDF5 a layer is a group and a slash in its name makes a group inside a group, so no part between slashes
        may be empty or a dot, and none may be the number of a parameter of the layer before it. A .caffemodel takes
        any name.
    """,
}
