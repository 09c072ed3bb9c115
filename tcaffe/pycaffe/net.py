"""Nets, as pycaffe shows them: named blobs, forward passes, reshaping."""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tcaffe.data.feed import Shard
from tcaffe.data.feeds import feeds_of
from tcaffe.data.memory import MemoryFeed
from tcaffe.frontend.load import NetInState, read_state
from tcaffe.frontend.lower import AUTOMATIC
from tcaffe.frontend.parameters import shared_places
from tcaffe.frontend.weights import write_caffemodel, write_hdf5
from tcaffe.pycaffe import batches
from tcaffe.pycaffe.blob import Blob
from tcaffe.pycaffe.hooks import Hook, Hooks
from tcaffe.pycaffe.hosts import Hosts
from tcaffe.pycaffe.layer import Layer
from tcaffe.pycaffe.parameters import File, Parameters
from tcaffe.pycaffe.runner import Runner
from tcaffe.pycaffe.settings import SETTINGS, TEST, TRAIN

Shape = tuple[int, ...]


class Net:
    """A Caffe net whose blobs and parameters can be read and written by name.

    `Net(file, phase, level=0, stages=None, weights=None)` or, as of old, `Net(file, weights, phase)`. Parameters start
    as their fillers say, then take what the weights hold. Raises RuntimeError for a file that is not there and
    CompileError for everything that is wrong with the net.
    """

    def __init__(self, network_file: File, *args: Any, **kwargs: Any) -> None:
        phase, level, stages, weights = _arguments(args, kwargs)
        _must_exist(network_file)
        self._start(read_state(network_file, phase=("TRAIN", "TEST")[phase], level=level, stages=stages), weights)

    @classmethod
    def in_state(cls, net: NetInState) -> Net:
        """A net that was read already."""
        made = cls.__new__(cls)
        made._start(net, None)
        return made

    def _start(self, net: NetInState, weights: File | None) -> None:
        self._net = net
        shard = Shard(SETTINGS.solver_rank, SETTINGS.solver_count)
        self._feeds = list(feeds_of(net.message, net.phase, lambda: SETTINGS.random, shard))
        self._asked: dict[str, Shape] = {top: s for feed in self._feeds for top, s in feed.shapes.items()}
        self._parameters = Parameters()
        self._key: np.ndarray | None = None  # of the random numbers of the last forward pass
        self.blobs: OrderedDict[str, Blob] = OrderedDict()
        self._hosts = Hosts(self._net.message, TRAIN if net.phase == "TRAIN" else TEST, self.blobs)
        self._before_and_after = {"forward": Hooks(), "backward": Hooks()}
        self._runner = Runner(self.blobs, self._hosts, **self._before_and_after)
        self._lower()
        for warning in self._lowered.warnings:
            warnings.warn(str(warning), stacklevel=3)
        self._parameters.start(self._lowered, weights, self._hosts)
        self._show_layers()

    # ── what it is made of ──────────────────────────────────────────────────────────────────────────

    def _show_layers(self) -> None:
        """The names and lists that users look things up in."""
        net = self._lowered
        self.params = OrderedDict((l.name, self._parameters.of(l.params)) for l in net.layers if l.params)
        self.layers = [
            self._hosts[k] if k in self._hosts else Layer(None, l.type, self._parameters.of(l.params))
            for k, l in enumerate(net.layers)
        ]
        self.layer_dict = OrderedDict(zip(self._layer_names, self.layers, strict=True))
        self.top_names = OrderedDict((l.name, [t for t in l.tops if t != AUTOMATIC]) for l in net.layers)
        self.bottom_names = OrderedDict((l.name, list(l.bottoms)) for l in net.layers)
        self.inputs = [top for l in net.layers if l.type == "Input" for top in l.tops]
        self.outputs = list(net.outputs)
        self.blob_loss_weights = OrderedDict((name, net.loss_weights.get(name, 0.0)) for name in self.blobs)

    @property
    def name(self) -> str:
        """The name that the prototxt gives the net."""
        return self._lowered.name

    @property
    def _layer_names(self) -> list[str]:
        return [layer.name for layer in self._lowered.layers]

    @property
    def _blob_names(self) -> list[str]:
        return list(self.blobs)

    @property
    def _blobs(self) -> list[Blob]:
        return list(self.blobs.values())

    @property
    def _inputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.inputs]

    @property
    def _outputs(self) -> list[int]:
        return [self._blob_names.index(name) for name in self.outputs]

    @property
    def _blob_loss_weights(self) -> list[float]:
        return list(self.blob_loss_weights.values())

    # ── shapes ──────────────────────────────────────────────────────────────────────────────────────

    def reshape(self) -> None:
        """Give every blob the shape that follows from the shapes of the net's inputs; CompileError where none does."""
        asked = self._asked | {name: self.blobs[name].shape for name in self._lowered.inputs}
        shapes = self._input_shapes()
        if any(shapes[name] != shape for name, shape in asked.items()):
            self._asked = asked
            self._lower()

    def _lower(self) -> None:
        lowered = self._net.lower(self._asked, host=self._hosts)
        if self._parameters.follow(lowered):
            self._runner.forget()
        self._lowered = lowered
        for name, node in lowered.blobs.items():
            self.blobs.setdefault(name, Blob(node.shape)).reshape(*node.shape)
            self.blobs.move_to_end(name)
        for name, weight in lowered.loss_weights.items():
            if name in self.blobs:
                self.blobs[name].start_diff(weight)
        self._runner.take(lowered, self._parameters.blobs)

    def _input_shapes(self) -> dict[str, Shape]:
        net = self._lowered
        return {node.name: node.shape for node in net.graph.inputs if node is not net.random}

    # ── computing ───────────────────────────────────────────────────────────────────────────────────

    def forward(
        self, blobs: Iterable[str] | None = None, start: str | None = None, end: str | None = None, **inputs: ArrayLike
    ) -> dict[str, np.ndarray]:
        """Run the net, or its layers from `start` to `end`, and return the outputs and the blobs asked for, by name.

        `inputs`, all of them or none, are copied to the input blobs first. The arrays returned are live: the next
        pass writes to them.
        """
        if inputs:
            self._take(inputs)
        self._run(self._index(start, 0), self._index(end, len(self._lowered.layers) - 1))
        shown = self.outputs if end is None else self.top_names[end]
        return {name: self.blobs[name].data for name in dict.fromkeys((*shown, *(blobs or ())))}

    def _run(self, first: int, last: int) -> None:
        self._hosts.begin()
        self._take_batches(first, last)
        self.reshape()
        if self._lowered.random:
            self._key = SETTINGS.next_key()
        self._runner.forward(first, last, self._key, self._lower)

    def _forward(self, start: int, end: int) -> float:
        """Run the layers numbered `start` to `end`, and return the sum of their losses."""
        self._run(start, end)
        layers = self._lowered.layers[start : end + 1]
        weights = {top: w for l in layers for top, w in zip(l.tops, l.loss_weights, strict=True) if w}
        return sum(float(w * self.blobs[name].data.sum()) for name, w in weights.items() if name in self.blobs)

    def forward_all(self, blobs: Iterable[str] | None = None, **inputs: ArrayLike) -> dict[str, np.ndarray]:
        """Run the net on any number of items, batch by batch: copies of the outputs and the blobs asked for, by name.

        A batch is as large as the net's first blob; the last one is filled up with zeros. Outputs without an axis of
        items, such as a loss, have one value a batch. Raises ValueError where the inputs differ in length.
        """
        size, asked, found = self._batch_size, list(blobs or ()), batches.Gathered()
        for batch in batches.cut(inputs, size):
            found.add(self.forward(asked, None, None, **batch))
        return found.joined(batches.length(inputs), size)

    def forward_backward_all(
        self, blobs: Iterable[str] | None = None, diffs: Iterable[str] | None = None, **arrays: ArrayLike
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Run the net forward and backward on any number of items, as `forward_all` does: copies of blobs and diffs.

        `arrays` are inputs by name, and diffs of outputs by the names of those.
        """
        size, found, gradients = self._batch_size, batches.Gathered(), batches.Gathered()
        asked, wanted = list(blobs or ()), list(diffs or ())
        inputs = {name: array for name, array in arrays.items() if name in self.inputs}
        tops = {name: array for name, array in arrays.items() if name not in self.inputs}
        for batch, top_diffs in zip_longest(batches.cut(inputs, size), batches.cut(tops, size)):
            found.add(self.forward(asked, None, None, **(batch or {})))
            gradients.add(self.backward(wanted, None, None, **(top_diffs or {})))
        count = batches.length(arrays)
        return found.joined(count, size), gradients.joined(count, size)

    @property
    def _batch_size(self) -> int:
        return next(iter(self.blobs.values())).num

    def backward(
        self,
        diffs: Iterable[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **top_diffs: ArrayLike,
    ) -> dict[str, np.ndarray]:
        """Run the net backward, or its layers from `start` down to `end`; return the diffs of its inputs and `diffs`.

        Backward passes follow a forward pass. `top_diffs`, for all outputs or none, are copied to their diffs first;
        losses start from their weights. The diffs of parameters add up from pass to pass.
        """
        last, first = self._index(start, len(self._lowered.layers) - 1), self._index(end, 0)
        tops = self.outputs if start is None else self.top_names[start]
        if top_diffs:
            self._take_diffs(top_diffs, tops)
        self._runner.backward(first, last)
        shown = self.inputs if end is None else self.bottom_names[end]
        return {name: self.blobs[name].diff for name in dict.fromkeys((*shown, *(diffs or ())))}

    def _backward(self, start: int, end: int) -> None:
        """Run the layers numbered `start` down to `end` backward."""
        self._runner.backward(end, start)

    def clear_param_diffs(self) -> None:
        """Set the diffs of all parameters to zero."""
        self._parameters.clear_diffs()

    def _take_diffs(self, diffs: Mapping[str, ArrayLike], tops: Sequence[str]) -> None:
        if diffs.keys() != set(tops):
            raise Exception("Top diff arguments do not match net outputs.")
        for name, value in diffs.items():
            blob, array = self.blobs[name], np.asarray(value)
            if array.ndim and blob.shape and array.shape[0] != blob.shape[0]:
                raise Exception("Diff is not batch sized")
            blob.diff[...] = array

    def _index(self, layer: str | None, default: int) -> int:
        return default if layer is None else self._layer_names.index(layer)

    def _take(self, inputs: Mapping[str, ArrayLike]) -> None:
        if inputs.keys() != set(self.inputs):
            raise Exception("Input blob arguments do not match net inputs.")
        for name, value in inputs.items():
            blob, array = self.blobs[name], np.asarray(value)
            if array.ndim and blob.shape and array.shape[0] != blob.shape[0]:
                raise Exception("Input is not batch sized")
            blob.data[...] = array

    def _take_batches(self, first: int, last: int) -> None:
        """Let the layers that bring their own data put the next batch on their tops."""
        made = {top for layer in self._lowered.layers[first : last + 1] for top in layer.tops}
        shapes = {name: blob.shape for name, blob in self.blobs.items() if name in made}
        for feed in (feed for feed in self._feeds if made.issuperset(feed.tops)):
            for name, value in feed.batch(shapes).items():
                self.blobs[name].reshape(*value.shape)
                self.blobs[name].data[...] = value

    # ── parameters ──────────────────────────────────────────────────────────────────────────────────

    def copy_from(self, weights: File) -> None:
        """Take the parameters of every layer that `weights` (.caffemodel or .h5) has under the same name."""
        self._parameters.load(self._lowered, weights)

    def load_hdf5(self, file: File) -> None:
        """Take the parameters of every layer that an HDF5 file has under the same name, as `copy_from` does."""
        self.copy_from(file)

    def share_with(self, other: Net) -> None:
        """Have the parameters of the layers `other` has under the same names: what is written to one, both read.

        Raises ValueError where a layer has other parameters there.
        """
        self._parameters.share(self._lowered, other._parameters, other._lowered)
        self._runner.forget()
        self._show_layers()

    def save(self, file: File, write_diff: bool = False) -> None:
        """Write the net with its parameters, and their diffs if wanted, as a .caffemodel; raises OSError."""
        write_caffemodel(file, self._net.message, *self._arrays(write_diff))

    def save_hdf5(self, file: File, write_diff: bool = False) -> None:
        """Write the parameters as HDF5, those that layers share once; raises OSError and CompileError."""
        arrays, diffs = self._arrays(write_diff)
        write_hdf5(file, self._layer_names, arrays, shared_places(self._lowered), diffs)

    def _arrays(self, write_diff: bool) -> tuple[Mapping[str, Sequence[np.ndarray]], ...]:
        """The values of each layer's parameters, by the layer's name, and their diffs if wanted."""
        found = {layer.name: self._parameters.of(layer.params) for layer in self._lowered.layers}
        values = {name: [blob.data for blob in blobs] for name, blobs in found.items()}
        return values, {name: [blob.diff for blob in blobs] for name, blobs in found.items() if write_diff}

    # ── hooks ───────────────────────────────────────────────────────────────────────────────────────

    def before_forward(self, hook: Hook) -> None:
        """Call `hook` with the number of each layer before it runs. With hooks layers run one by one, unfused."""
        self._before_and_after["forward"].before.append(hook)

    def after_forward(self, hook: Hook) -> None:
        """Call `hook` with the number of each layer after it has run."""
        self._before_and_after["forward"].after.append(hook)

    def before_backward(self, hook: Hook) -> None:
        """Call `hook` with the number of each layer before it runs backward."""
        self._before_and_after["backward"].before.append(hook)

    def after_backward(self, hook: Hook) -> None:
        """Call `hook` with the number of each layer after it has run backward."""
        self._before_and_after["backward"].after.append(hook)

    # ── data layers ─────────────────────────────────────────────────────────────────────────────────

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Let the net's first layer, a MemoryData layer, take its batches from these float32 arrays."""
        if not (self._lowered.layers and self._lowered.layers[0].type == "MemoryData"):
            raise RuntimeError("set_input_arrays may only be called if the first layer is a MemoryData layer")
        next(feed for feed in self._feeds if isinstance(feed, MemoryFeed)).set(data, labels)


def _arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[int, int, tuple[str, ...], File | None]:
    """Phase, level, stages and weights, from either order of arguments."""
    old = len(args) == 2 and not isinstance(args[0], int)
    phase, level, stages, weights = _old_order(*args, **kwargs) if old else _new_order(*args, **kwargs)
    if phase not in (TRAIN, TEST):
        raise ValueError(f"the phase is TRAIN ({TRAIN}) or TEST ({TEST}), not {phase!r}")
    return phase, level, stages, weights


def _old_order(weights: File | None, phase: int) -> tuple[int, int, tuple[str, ...], File | None]:
    return phase, 0, (), weights


def _new_order(
    phase: int, level: int = 0, stages: Sequence[str] | None = None, weights: File | None = None
) -> tuple[int, int, tuple[str, ...], File | None]:
    return phase, level, tuple(stages or ()), weights


def _must_exist(file: File) -> None:
    if not os.path.exists(file):
        raise RuntimeError(f"Could not open file {os.fspath(file)}")
