"""The gradient of every layer type is that of central differences, in both phases."""

import itertools
import zlib
from dataclasses import dataclass

import numpy as np
import pytest

from tcaffe.frontend.layers import LAYERS
from tcaffe.frontend.load import load_net
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.verify import verify_graph
from tcaffe.passes.differentiate import differentiate

STEP = 1e-6
DIRECTIONS = 2
DOMAINS = {  # of inputs whose name begins so, and whether they have a gradient
    "positive": (lambda rng, shape: rng.uniform(0.5, 2, shape), True),
    "part": (lambda rng, shape: rng.uniform(0, 1, shape), False),
    "label": (lambda rng, shape: rng.integers(0, 3, shape), False),
    "mark": (lambda rng, shape: rng.integers(0, 2, shape), False),
    "gains": (lambda rng, shape: rng.uniform(0, 1, shape), False),
    "like": (lambda rng, shape: np.zeros(shape), False),
}
IMAGE = (2, 4, 5, 6)


@dataclass(frozen=True)
class Row:
    """A layer: its fields, how many tops it has, the shapes of its bottoms by name."""

    fields: str
    tops: int
    bottoms: dict


def row(fields="", tops=1, **bottoms):
    return Row(fields, tops, bottoms or {"x": (2, 3, 4)})


def windows(message, *variants, **bottoms):
    return [row(f"{message} {{ {fields} }}", **(bottoms or {"x": IMAGE})) for fields in variants]


def losses(fields=("",), **bottoms):
    """A loss in all its ways to divide."""
    modes = [f"normalization: {mode}" for mode in ("FULL", "VALID", "BATCH_SIZE", "NONE")] + ["normalize: false"]
    return [
        row(f"loss_param {{ {m} {i} }} {f}", **bottoms) for m in modes for i in ("", "ignore_label: 1") for f in fields
    ]


CONVOLUTIONS = (
    "num_output: 4 kernel_size: 3",
    "num_output: 4 kernel_h: 2 kernel_w: 3 stride: 2 pad: 1 group: 2",
    "num_output: 2 kernel_size: 2 dilation: 2 bias_term: false",
)
POOLS = ("kernel_size: 3 stride: 2", "kernel_size: 2 stride: 3 pad: 1", "global_pooling: true")
RECURRENT = [
    row("recurrent_param { num_output: 2 }", x=(3, 2, 4), mark=(3, 2)),
    row("recurrent_param { num_output: 2 }", x=(3, 2, 4), mark=(3, 2), x_static=(2, 3)),
]
TABLE = {
    "AbsVal": [row()],
    "Axpy": [row(a=(2, 3), x=(2, 3, 4), y=(2, 3, 4))],
    "BNLL": [row()],
    "BatchNorm": [
        row(),
        row("batch_norm_param { use_global_stats: true }"),
        row("batch_norm_param { eps: 0.1 }", x=IMAGE),
    ],
    "BatchReindex": [row(x=(3, 2), label=(5,))],
    "Bias": [row(), row("bias_param { axis: 0 num_axes: -1 }"), row(x=(2, 3, 4), y=(3, 4))],
    "Clip": [row("clip_param { min: -0.5 max: 0.5 }")],
    "Concat": [row("concat_param { axis: 2 }", x=(2, 3, 4), y=(2, 3, 1), z=(2, 3, 2))],
    "ContrastiveLoss": [
        row("contrastive_loss_param { margin: 3 }", x=(4, 3), y=(4, 3), mark=(4,)),
        row("contrastive_loss_param { margin: 3 legacy_version: true }", x=(4, 3), y=(4, 3), mark=(4,)),
    ],
    "Convolution": windows("convolution_param", *CONVOLUTIONS),
    "ConvolutionDepthwise": windows("convolution_param", "num_output: 4 kernel_size: 3"),
    "Crop": [row("crop_param { offset: [1, 2] }", x=IMAGE, like=(2, 4, 3, 3))],
    "Deconvolution": windows("convolution_param", *CONVOLUTIONS),
    "DepthwiseConvolution": windows("convolution_param", "num_output: 4 kernel_size: 3"),
    "Dropout": [row(), row("dropout_param { dropout_ratio: 0.2 }")],
    "ELU": [row("elu_param { alpha: 0.7 }")],
    "Eltwise": [
        row("eltwise_param { operation: SUM coeff: [2, -1] }", x=(2, 3), y=(2, 3)),
        row("eltwise_param { operation: PROD }", x=(2, 3), y=(2, 3), z=(2, 3)),
        row("eltwise_param { operation: MAX }", x=(2, 3), y=(2, 3), z=(2, 3)),
    ],
    "Embed": [row("embed_param { num_output: 4 input_dim: 3 }", label=(2, 3))],
    "EuclideanLoss": [row(x=(2, 3, 2), y=(2, 6))],
    "Exp": [row(), row("exp_param { base: 2 scale: 0.5 shift: 1 }")],
    "Filter": [row(tops=2, x=(4, 3), y=(4,), mark=(4,))],
    "Flatten": [row()],
    "HingeLoss": [
        row(x=(4, 3), label=(4,)),
        row("hinge_loss_param { norm: L2 }", x=(4, 3, 1, 1), label=(4,)),
    ],
    "Im2col": windows("convolution_param", *CONVOLUTIONS[:2]),
    "InfogainLoss": [
        *losses(x=(4, 3), label=(4,), gains=(3, 3))[:-2],
        row("infogain_loss_param { axis: 2 }", tops=2, x=(2, 2, 3), label=(2, 2), gains=(3, 3)),
    ],
    "InnerProduct": windows(
        "inner_product_param",
        "num_output: 3",
        "num_output: 3 transpose: true bias_term: false",
        "num_output: 3 axis: 2",
        x=(2, 3, 4),
    ),
    "LRN": windows(
        "lrn_param",
        "local_size: 3 alpha: 0.5 k: 2",
        "local_size: 7 beta: 0.5",
        "local_size: 3 norm_region: WITHIN_CHANNEL",
    ),
    "LSTM": RECURRENT,
    "LSTMUnit": [row(tops=2, x=(1, 2, 3), y=(1, 2, 12), mark=(1, 2))],
    "Log": [row(positive=(2, 3)), row("log_param { base: 2 scale: 3 shift: 1 }", positive=(2, 3))],
    "MVN": [
        row(x=IMAGE),
        row("mvn_param { across_channels: true eps: 0.1 }", x=IMAGE),
        row("mvn_param { normalize_variance: false }", x=IMAGE),
    ],
    "MultinomialLogisticLoss": [row(positive=(4, 3), label=(4,))],
    "Normalize": [row(x=IMAGE), row("norm_param { across_spatial: false channel_shared: false }", x=IMAGE)],
    "PReLU": [row(), row("prelu_param { channel_shared: true }")],
    "Parameter": [row("parameter_param { shape { dim: 2 dim: 3 } }", none=())],
    "Permute": [row("permute_param { order: [0, 2, 1] }")],
    "Pooling": [
        *windows("pooling_param", *POOLS),
        *windows("pooling_param", *(f"pool: AVE {pool}" for pool in POOLS)),
        *windows("pooling_param", "pool: STOCHASTIC kernel_size: 2 stride: 2", positive=IMAGE),
    ],
    "Power": windows(
        "power_param",
        "power: 2 scale: 3 shift: 1",
        "power: 0.5",
        "scale: 2",
        "power: -1.5 shift: 0.5",
        "power: 0",
        positive=(2, 3),
    ),
    "RNN": RECURRENT,
    "ReLU": [row(), row("relu_param { negative_slope: 0.1 }")],
    "ReLU6": [row()],
    "Reduction": [
        row(f"reduction_param {{ operation: {op} axis: 1 coeff: 3 }}") for op in ("SUM", "ASUM", "SUMSQ", "MEAN")
    ],
    "Reshape": [row("reshape_param { shape { dim: 0 dim: -1 } }")],
    "SPP": [
        row("spp_param { pyramid_height: 2 }", x=(1, 2, 4, 4)),
        row("spp_param { pyramid_height: 2 pool: AVE }", x=IMAGE),
    ],
    "Scale": [
        row(),
        row("scale_param { axis: 0 num_axes: 2 bias_term: true }"),
        row("scale_param { num_axes: 0 }"),
        row(x=(2, 3, 4), y=(3, 4)),
    ],
    "ShuffleChannel": [row("shuffle_channel_param { group: 2 }", x=(2, 4))],
    "Sigmoid": [row()],
    "SigmoidCrossEntropyLoss": [*losses(x=(3, 4), label=(3, 4)), row(x=(3, 4), part=(3, 4))],
    "Slice": [row("slice_param { slice_point: [1, 3] }", tops=3, x=(2, 5)), row("slice_param { axis: 0 }", tops=2)],
    "Softmax": [row(), row("softmax_param { axis: 2 }")],
    "SoftmaxWithLoss": [
        *losses(("", "softmax_param { axis: -1 }"), x=(2, 3, 3), label=(2, 3)),
        row(tops=2, x=(4, 3), label=(4,)),
    ],
    "Split": [row(tops=2)],
    "Squeeze": [row(x=(2, 1, 3))],
    "Swish": [row("swish_param { beta: 1.5 }")],
    "TanH": [row()],
    "Tile": [row("tile_param { tiles: 3 }"), row("tile_param { axis: 0 tiles: 2 }")],
}
NOTHING_TO_DIFFERENTIATE = {
    *("Accuracy", "ArgMax", "Threshold"),  # steps
    *(name for name, kind in LAYERS.items() if kind.source),
    *("HDF5Output", "Silence"),  # no tops
    "Python",  # code
}
APPROXIMATE = {"ContrastiveLoss": 1e-3}  # it adds a little to the distance it divides by


def cases():
    """All rows in both phases."""
    for (kind, rows), phase in itertools.product(TABLE.items(), ("TRAIN", "TEST")):
        for k, each in enumerate(rows):
            yield pytest.param(kind, each, phase, id=f"{kind}-{k}-{phase}")


def lowered(kind, each, phase):
    """The net of one layer, and what it is fed: numbers that are not near each other, nor near a kink."""
    heads = "".join(
        f"layer {{ name: '{name}' type: 'Input' top: '{name}' input_param {{ shape {{ "
        f"{' '.join(f'dim: {n}' for n in shape)} }} }} }}\n"
        for name, shape in each.bottoms.items()
        if name != "none"
    )
    bottoms = " ".join(f"bottom: '{name}'" for name in each.bottoms if name != "none")
    tops = " ".join(f"top: 't{k}'" for k in range(each.tops))
    weights = "loss_weight: 1 " + "loss_weight: 0 " * (each.tops - 1) if LAYERS[kind].loss else ""
    net = load_net(f"{heads}layer {{ name: 'l' type: '{kind}' {bottoms} {tops} {weights}{each.fields} }}", phase=phase)
    rng = np.random.default_rng(zlib.crc32(kind.encode()))
    feed = {node.name: number(rng, node) for node in net.graph.inputs}
    return net, feed | {node.name: rng.uniform(0.5, 1.5, node.shape) for node in net.graph.params}


def number(rng, node):
    """Numbers for an input, as its name asks for."""
    if node.type.dtype == "i64":
        return np.array([7, 1])
    domain = domain_of(node)
    spread = (rng.permutation(node.type.size) + 0.5) * (4 / node.type.size) - 2
    return domain[0](rng, node.shape) if domain else spread.reshape(node.shape) + rng.uniform(-0.01, 0.01)


def domain_of(node):
    return next((domain for begin, domain in DOMAINS.items() if node.name.startswith(begin)), None)


def has_gradient(net, node):
    """Whether a source of a net has one: labels and the like have none, nor has state."""
    if node.op is ops.param:
        return all(p.learned for p in net.parameters if p.node is node)
    domain = domain_of(node)
    return node.type.is_float and (domain is None or domain[1])


@pytest.mark.parametrize(("kind", "each", "phase"), list(cases()))
def test_gradients_are_central_differences(kind, each, phase):
    net, feed = lowered(kind, each, phase)
    tops = list(dict.fromkeys(net.layers[-1].values))
    rng = np.random.default_rng(1)
    seeds = {top: ops.input_(shape=top.shape, name=f"seed {k}") for k, top in enumerate(tops)}
    feed |= {seed.name: rng.uniform(-1, 1, seed.shape) for seed in seeds.values()}
    products = [ops.reduce_sum(top * seed, axes=tuple(range(len(top.shape)))) for top, seed in seeds.items()]
    total = verify_graph(Graph("total", {str(k): product for k, product in enumerate(products)}))
    sources = [node for node in (*net.graph.inputs, *net.graph.params) if has_gradient(net, node)]
    gradients = differentiate(seeds, sources)
    found = evaluate(verify_graph(Graph("g", {node.name: g for node, g in gradients.items()})), feed, wide=True)
    assert found or kind == "Power"
    for node, _ in itertools.product(sources, range(DIRECTIONS)):
        towards = rng.choice([-1.0, 1.0], node.shape)
        above, below = (
            sum(evaluate(total, feed | {node.name: feed[node.name] + step * towards}, wide=True).values())
            for step in (STEP, -STEP)
        )
        slope = np.sum(found.get(node.name, 0) * towards)
        tolerance = APPROXIMATE.get(kind, 1e-6)
        assert slope == pytest.approx((above - below) / (2 * STEP), rel=tolerance, abs=tolerance), node.name


def test_every_layer_type_is_in_the_table():
    catalogue = {name for name, kind in LAYERS.items() if kind.rule.__module__.startswith("tcaffe.")}
    assert catalogue == TABLE.keys() | NOTHING_TO_DIFFERENTIATE
    assert not TABLE.keys() & NOTHING_TO_DIFFERENTIATE
