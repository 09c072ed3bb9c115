"""E06xx: files, bundles, data and arguments."""

from __future__ import annotations

FILES = {
    "E0601": """
        There is no blob of this name

        The outputs asked for are named as in the prototxt: the top of some layer that is kept in this phase. A blob
        that is changed in place keeps its name and is given as the last layer leaves it.
    """,
    "E0602": """
        There is no such target

        A target is what code is made for: `cpu`; `cuda`, a GPU of this machine, or `cuda:1`, the one of that number;
        `cuda:sm_90`, a GPU of that architecture elsewhere.
    """,
    "E0603": """
        The target does not compute in this precision

        The precision is the kind of number that layers compute with. f32, what Caffe itself uses, is always there.
    """,
    "E0604": """
        A file cannot be read

        The path does not exist, is a folder, is far too large for what it should be, or may not be opened. Relative
        paths start at the working directory.
    """,
    "E0605": """
        Which input is meant?

        A net with exactly one input takes it without a name. Any other needs name and value, --input data=cat.jpg, and
        the name must be that of one of its inputs. A .npz file without a name feeds the inputs its arrays are named
        after.
    """,
    "E0606": """
        Not enough memory

        tcaffe plan NET tells how much a net takes before anything runs. A smaller batch, or fewer outputs, take less.
    """,
    "E0607": """
        There is no such error code

        Codes are an E and four digits, as printed with each message. tcaffe explain without a code lists them all.
    """,
    "E0608": """
        A picture that cannot be fed

        Pictures are read with Pillow (pip install tcaffe[images]) in every format it knows, scaled to the height and
        width of the input, and fed blue first from 0 to 255, as Caffe's nets were trained. They have one channel or
        three, and at most 67 million pixels. Anything else is fed as a .npy or .npz file.
    """,
    "E0609": """
        A file of buffers that cannot be read

        tcaffe plan --csv reads a heading with the columns id, lower, upper and size, in any order, and a line for each
        buffer: a name used once, the first time it is needed, the first time it is not needed any more, and its bytes.
    """,
    "E0610": """
        HDF5 data that cannot be read

        The source of an HDF5Data layer is a text file with the paths of HDF5 files, relative to the working directory
        and separated by white space. Each file holds a dataset for every top of the layer, called like the top, of
        numbers, all with the same number of rows. Datasets that only link to other files are not followed. Reading
        HDF5 needs the package h5py: pip install 'tcaffe[hdf5]'.
    """,
    "E0611": """
        What is fed does not fit the input

        An array must have as many axes as the input, or one fewer for a single item of a batch, and hold numbers. Nets
        are compiled for the shape they are fed; a saved bundle has one shape and takes no other. A mean has one number,
        or one for each channel.
    """,
    "E0612": """
        A kernel that the target has no code for yet

        The code for GPUs computes in f32 and counts elements in 32 bits. The message names the first thing of the
        kernel that does not fit. The target cpu has code for every net.
    """,
    "E0613": """
        There is no loss

        Gradients are those of the losses: the tops of loss layers, such as SoftmaxWithLoss, and tops with a
        loss_weight. Most nets have them in phase TRAIN only, and none in a deploy file.
    """,
    "E0614": """
        No loss depends on this

        A gradient was asked for of a blob or parameter from which no way leads to a loss: it comes after the losses, or
        beside them, or whole numbers, labels or a propagate_down: false lie between.
    """,
    "E0615": """
        The net does not fit its memory budget

        The budget is for the arena and the parameters together. Gradients can do with less memory: parts of the forward
        pass are computed a second time, and the number told is the least that this reaches. What never gets smaller are
        the parameters, their gradients, and the largest layer with its neighbours. A smaller batch needs less:
        `tcaffe plan NET --memory-limit SIZE` finds the largest one that fits.
    """,
    "E0616": """
        A database that cannot be read or written

        The source of a Data layer is the folder of an LMDB (it has a data.mdb) or of a LevelDB (it has a CURRENT), and
        `backend` says which of them it is: LEVELDB unless the prototxt says LMDB. Relative paths start at the working
        directory. Copy the folder anew where it is cut short or damaged. Reading a LevelDB needs the package plyvel:
        pip install 'tcaffe[leveldb]'.
    """,
    "E0617": """
        A record that cannot be used

        Each record of a database is a Datum: bytes, numbers or an encoded picture, as many as its shape says, and a
        label. All records of a batch become the same shape, unless a crop_size makes it so.
    """,
    "E0618": """
        A transformation that does not fit the data

        Of mean_file and mean_value there is one at most, and of force_color and force_gray. A mean has the shape that
        items have before they are cropped, or one number, or one for each channel. A crop is no larger than an item.
    """,
    "E0619": """
        A list that cannot be used

        The source of an ImageData layer has a line `path label` for each image. That of a WindowData layer has, for
        each image, `# NUMBER`, a path, channels, height, width, the number of windows, and for each window its class,
        its overlap and x1 y1 x2 y2. Both are text.
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
    "E0625": """
        A file without measurements

        tcaffe plot reads what tcaffe train --metrics writes, a JSON object a line, and the log of Caffe or of tcaffe
        train --log: lines such as `... solver.cpp:239] Iteration 100, loss = 0.25`. Either has measurements only once
        the solver has displayed or tested something: see `display` and `test_interval` in its prototxt.
    """,
    "E0626": """
        Pictures of curves need matplotlib

        It is an extra: pip install 'tcaffe[viz]'. The files of metrics can be read by anything that reads JSON.
    """,
    "E0627": """
        There is no such GPU

        The target `cuda`, and `set_mode_gpu()`, mean a GPU of this machine, as torch finds them: `tcaffe device-query`
        lists them. With TRITON_INTERPRET=1 in the environment, before Python starts, kernels run in Triton's
        interpreter instead: slowly, to see that they are right. Code for a GPU elsewhere is made by a target such as
        `cuda:sm_90`.
    """,
    "E0628": """
        Triton cannot interpret any more

        Triton looks at TRITON_INTERPRET when it is imported. Set it in the environment before Python starts.
    """,
    "E0629": """
        A kernel cannot be compiled

        Triton refused it, or it takes more shared memory than a GPU of that architecture has. Both are faults of this
        package: the message says which kernel, so please report it with the net.
    """,
    "E0630": """
        Kernels for GPUs cannot be started here

        So far they are compiled (`tcaffe compile --target cuda:sm_90`) and interpreted (TRITON_INTERPRET=1), not
        started on a GPU.
    """,
}
