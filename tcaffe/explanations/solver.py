"""E08xx: solvers."""

SOLVER = {
    "E0801": """
        A solver has no net to train, or several

        A solver names its train net once: `net` or `net_param` for training and testing, or `train_net` or
        `train_net_param` for training alone. The last two stand for files, those that end in _param for a net written
        in the solver itself.
    """,
    "E0802": """
        A rule, a policy or a regularisation that there is not

        `type` is SGD, Nesterov, AdaGrad, RMSProp, AdaDelta or Adam. `lr_policy`, which has to be given, is fixed, step,
        exp, inv, multistep, poly or sigmoid. `regularization_type` is L2 or L1.
    """,
    "E0803": """
        A setting of the solver is out of range

        What a rule or policy divides by or takes powers of must be positive, decays lie between 0 and 1, and AdaGrad
        and RMSProp have no momentum. The message names the field.
    """,
    "E0804": """
        The test nets, their iterations and states do not agree

        There is a `test_iter` for each test net: those of `test_net_param`, then those of `test_net`, then the `net`
        that is trained, once for each `test_iter` that is left. Testing needs a `test_interval`, and `test_state` is
        given for every test net or for none.
    """,
    "E0805": """
        A snapshot cannot be written or read

        Snapshots are written next to each other as PREFIX_iter_N.caffemodel and PREFIX_iter_N.solverstate, or with .h5
        behind both. The folder of `snapshot_prefix` has to exist, and a state is restored into the net and with the
        rule that it was taken of.
    """,
    "E0806": """
        Training needs what this solver or net does not have

        The message says what. A net is trained if it has a loss and a parameter that learns, and all its inputs are
        made by data layers.
    """,
    "E0807": """
        A process of a training in parallel is missing

        Several processes train together after `torchrun -m tcaffe.cli train ...`; each needs torch (pip install
        'tcaffe[distributed]'). When one of them ends, all end. The first one writes the snapshots, whole or not at all:
        go on from the last with --snapshot in all processes.
    """,
    "E0808": """
        A bookmark that cannot be read

        Beside a snapshot lies PREFIX_iter_N.bookmark.json: where data and random numbers stood, so that training goes
        on as if it had never been interrupted. Without the file it goes on, too, with the data from the start.
    """,
}
