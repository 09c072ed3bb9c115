"""A network as a list of layers with known shapes: what every engine's model file is written from."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, prod
from typing import Any, NamedTuple


class Blob(NamedTuple):
    """A named value of shape [batch, channels, height, width]; after a fully connected layer height = width = 1."""

    name: str
    channels: int
    height: int
    width: int

    @property
    def size(self) -> int:
        """Numbers an image has here."""
        return self.channels * self.height * self.width


@dataclass(frozen=True)
class Layer:
    """One step: `kind` applied to the blobs called `bottoms` gives the blob `top`.

    `weights` are the shapes of its parameters, in Caffe's order; `macs` multiply-adds an image.
    """

    kind: str
    name: str
    bottoms: tuple[str, ...]
    top: str
    options: dict[str, Any] = field(default_factory=dict)
    weights: tuple[tuple[int, ...], ...] = ()
    macs: int = 0


class Net:
    """A network under construction: every method appends a layer and returns the blob it computes."""

    def __init__(self, name: str, size: int, channels: int = 3) -> None:
        self.name = name
        self.input = Blob("data", channels, size, size)
        self.layers: list[Layer] = []

    @property
    def macs(self) -> int:
        """Multiply-adds an image, in convolutions and fully connected layers."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Numbers the net has learned by gradient; statistics of batch normalisation do not count."""
        learned = (layer.weights[2:] if layer.kind == "batch_norm" else layer.weights for layer in self.layers)
        return sum(prod(shape) for shapes in learned for shape in shapes)

    def add(
        self,
        kind: str,
        top: Blob,
        *bottoms: Blob,
        name: str = "",
        weights: tuple[tuple[int, ...], ...] = (),
        macs: int = 0,
        **options: Any,
    ) -> Blob:
        """Append a layer, named like its top unless it has a `name` of its own."""
        inputs = tuple(blob.name for blob in bottoms)
        self.layers.append(Layer(kind, name or top.name, inputs, top.name, options, weights, macs))
        return top

    def conv(
        self,
        name: str,
        x: Blob,
        filters: int,
        kernel: int,
        *,
        stride: int = 1,
        pad: int = 0,
        group: int = 1,
        bias: bool = True,
    ) -> Blob:
        """Convolution with square filters."""
        height, width = ((side + 2 * pad - kernel) // stride + 1 for side in (x.height, x.width))
        filter_shape = (filters, x.channels // group, kernel, kernel)
        top = Blob(name, filters, height, width)
        weights = (filter_shape, (filters,)) if bias else (filter_shape,)
        macs = prod(filter_shape) * height * width
        return self.add("conv", top, x, weights=weights, macs=macs, stride=stride, pad=pad, group=group, kernel=kernel)

    def dense(self, name: str, x: Blob, outputs: int) -> Blob:
        """A fully connected layer."""
        top = Blob(name, outputs, 1, 1)
        return self.add("dense", top, x, weights=((outputs, x.size), (outputs,)), macs=outputs * x.size)

    def relu(self, x: Blob) -> Blob:
        """max(x, 0), in place."""
        return self.add("relu", x, x, name=f"{x.name}/relu")

    def conv_relu(self, name: str, x: Blob, filters: int, kernel: int, **options: Any) -> Blob:
        """A convolution and its ReLU."""
        return self.relu(self.conv(name, x, filters, kernel, **options))

    def batch_norm(self, x: Blob) -> Blob:
        """Normalisation by stored statistics, then scaling, in place; weights are mean, variance, scale, shift."""
        return self.add("batch_norm", x, x, name=f"{x.name}/bn", weights=((x.channels,),) * 4)

    def max_pool(self, name: str, x: Blob, kernel: int, stride: int, pad: int = 0) -> Blob:
        """The maximum of every window; as in Caffe the last window may hang over the edge."""
        return self._pool("max", name, x, kernel, stride, pad)

    def average_pool(self, name: str, x: Blob, kernel: int, stride: int) -> Blob:
        """The mean of every window, of those of its numbers that there are."""
        return self._pool("average", name, x, kernel, stride, 0)

    def _pool(self, kind: str, name: str, x: Blob, kernel: int, stride: int, pad: int) -> Blob:
        height, width = (ceil((side + 2 * pad - kernel) / stride) + 1 for side in (x.height, x.width))
        return self.add(kind, Blob(name, x.channels, height, width), x, kernel=kernel, stride=stride, pad=pad)

    def mean(self, name: str, x: Blob) -> Blob:
        """The mean of every channel."""
        return self.add("mean", Blob(name, x.channels, 1, 1), x)

    def lrn(self, name: str, x: Blob) -> Blob:
        """Local response normalisation over five channels, with AlexNet's constants."""
        return self.add("lrn", x._replace(name=name), x, size=5, alpha=1e-4, beta=0.75)

    def sum(self, name: str, x: Blob, y: Blob) -> Blob:
        """x + y."""
        return self.add("sum", x._replace(name=name), x, y)

    def concat(self, name: str, *parts: Blob) -> Blob:
        """The channels of all parts, one after the other."""
        return self.add("concat", parts[0]._replace(name=name, channels=sum(p.channels for p in parts)), *parts)

    def softmax(self, x: Blob) -> Blob:
        """Probabilities over the channels, as the blob `prob`."""
        return self.add("softmax", Blob("prob", x.size, 1, 1), x)
