"""What `debug_info` tells of a `Net` after a pass forward and backward, from its blobs as they are then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tcaffe.pycaffe.net import Net
from tcaffe.train.report import shown


def debug_lines(net: Net) -> Iterator[str]:
    """How large data and gradients are, layer by layer. Of blobs that are overwritten in place, the last version."""
    layers = list(net._lowered.layers)
    display = {p.node: p.key or str(p.index) for p in net._lowered.parameters}
    for layer in layers:
        for top in net.top_names[layer.name]:
            yield f"    [Forward] Layer {layer.name}, top blob {top} data: {_size(net.blobs[top].data)}"
        for k, blob in enumerate(net.params.get(layer.name, ())):
            name = display.get(layer.params[k], str(k))
            yield f"    [Forward] Layer {layer.name}, param blob {name} data: {_size(blob.data)}"
    for layer in reversed(layers):
        for bottom in layer.bottoms:
            if net.blobs[bottom].diff.any():
                yield f"    [Backward] Layer {layer.name}, bottom blob {bottom} diff: {_size(net.blobs[bottom].diff)}"
        for k, blob in enumerate(net.params.get(layer.name, ())):
            if blob.diff.any():
                yield f"    [Backward] Layer {layer.name}, param blob {k} diff: {_size(blob.diff)}"
    learned = [net._parameters.blobs[p.node.name] for p in net._lowered.parameters if p.learned and p.lr_mult != 0]
    data, diff = [blob.data for blob in learned], [blob.diff for blob in learned]
    norms = f"L1 norm = ({_norm(data, 1)}, {_norm(diff, 1)}); L2 norm = ({_norm(data, 2)}, {_norm(diff, 2)})"
    yield f"    [Backward] All net params (data, diff): {norms}"


def _size(array: np.ndarray) -> str:
    """The mean magnitude."""
    return shown(float(np.abs(array).mean(dtype=np.float64)) if array.size else 0.0)


def _norm(arrays: Sequence[np.ndarray], power: int) -> str:
    total = sum(float((np.abs(a).astype(np.float64) ** power).sum()) for a in arrays)
    return shown(total ** (1 / power))
