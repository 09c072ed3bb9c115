"""Layers that run on the host: Python layers, files that are written, results of a size that only data tell.

The net is cut at each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tcaffe.frontend.weights.hdf5 import h5py
from tcaffe.pycaffe.blob import Blob
from tcaffe.pycaffe.layer import BlobList, Blobs, Layer

Shape = tuple[int, ...]


class Hosts:
    """The host layers of a net, by their number in the file. Their bottoms and tops are `blobs` of the net.

    Called while the net is lowered, it sets a layer up, lets it reshape its tops, and returns their shapes and those of
    its parameters. A layer that has run in the current pass is not reshaped again: it may have moved on.
    """

    def __init__(self, message: Any, phase: int, blobs: dict[str, Blob]) -> None:
        self._blobs, self._phase = blobs, phase
        self._layers = list(message.layer)
        self._made: dict[int, Layer] = {k: Hdf5Output(l) for k, l in enumerate(self._layers) if l.type == "HDF5Output"}
        self._ran: set[int] = set()

    def __call__(self, index: int, shapes: Sequence[Shape]) -> tuple[list[Shape], list[Shape]]:
        """The shapes of the tops and parameters of a layer, for bottoms of `shapes`; raises ImportError."""
        message = self._layers[index]
        for name, shape in zip(message.bottom, shapes, strict=True):
            self._blobs.setdefault(name, Blob(shape)).reshape(*shape)
        for name in message.top:
            self._blobs.setdefault(name, Blob(()))
        bottom, top = self.around(index)
        if index not in self._made:
            layer = Filter(message, "Filter") if message.type == "Filter" else _instance(message, self._phase)
            layer.setup(bottom, top)
            self._made[index] = layer
        if index not in self._ran:
            self._made[index].reshape(bottom, top)
        return [blob.shape for blob in top], [blob.shape for blob in self._made[index].blobs]

    def __bool__(self) -> bool:
        return bool(self._made)

    def __contains__(self, index: int) -> bool:
        return index in self._made

    def __getitem__(self, index: int) -> Layer:
        return self._made[index]

    def around(self, index: int) -> tuple[Blobs, Blobs]:
        """The bottoms and the tops of a layer."""
        message = self._layers[index]
        return [self._blobs[name] for name in message.bottom], [self._blobs[name] for name in message.top]

    def begin(self) -> None:
        """A new pass begins."""
        self._ran.clear()

    def run(self, index: int) -> None:
        """Reshape and run a layer."""
        bottom, top = self.around(index)
        self._made[index].reshape(bottom, top)
        self._made[index].forward(bottom, top)
        self._ran.add(index)

    def run_backward(self, index: int, propagate_down: Sequence[bool]) -> None:
        """Run a layer backward: the diffs of the bottoms that `propagate_down` says yes to, zeros if it leaves them."""
        bottom, top = self.around(index)
        for blob, wanted in zip(bottom, propagate_down, strict=True):
            if wanted:
                blob.diff[...] = 0
        self._made[index].backward(top, propagate_down, bottom)


def _instance(message: Any, phase: int) -> Layer:
    """A Python layer as its class makes it, before its setup; raises ImportError where there is no such class."""
    p = message.python_param
    made = getattr(import_module(p.module), p.layer, None) if p.module else None
    if not callable(made):
        raise ImportError(f"module {p.module!r} has no class {p.layer!r}")
    layer: Layer = made(message)
    layer.type, layer.param_str, layer.phase = "Python", p.param_str, phase
    layer.blobs = BlobList()
    return layer


class Filter(Layer):
    """The items of the bottoms for which the last one, the selector, is not zero. Until it runs it expects all."""

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        """Every top as large as its bottom."""
        for x, y in zip(bottom, top, strict=False):
            y.reshape(*x.shape)

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        """Tops of the size that the selector tells."""
        chosen = self._chosen(bottom)
        for x, y in zip(bottom, top, strict=False):
            y.reshape(len(chosen), *x.shape[1:])
            y.data[...] = x.data[chosen]

    def backward(self, top: Blobs, propagate_down: Sequence[bool], bottom: Blobs) -> None:
        """The gradients of what was selected, zeros for what was not."""
        chosen = self._chosen(bottom)
        for x, y, wanted in zip(bottom, top, propagate_down, strict=False):
            if wanted:
                x.diff[chosen] = y.diff

    def _chosen(self, bottom: Blobs) -> np.ndarray:
        return np.flatnonzero(bottom[-1].data)


class Hdf5Output(Layer):
    """Writes its two bottoms as the datasets `data` and `label` of a file, each with four axes, once."""

    def __init__(self, message: Any) -> None:
        super().__init__(message, "HDF5Output")
        self.name, self.path = message.name, Path(message.hdf5_output_param.file_name)
        self._wrote = False

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        """Write the file; raises OSError, and RuntimeError the second time."""
        if self._wrote:
            raise RuntimeError(f"layer {self.name!r} has written {self.path}, which holds one batch")
        with h5py(self.path).File(self.path, "w") as file:
            for name, blob in zip(("data", "label"), bottom, strict=True):
                values = np.asarray(blob.data, np.float32)
                file.create_dataset(name, data=values.reshape((*values.shape, 1, 1, 1, 1)[:4]))
        self._wrote = True
