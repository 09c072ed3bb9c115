"""The parameters of a net: where they start, what files and other nets give them, and how layers show them."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from tcaffe.frontend.lower import Lowered
from tcaffe.frontend.parameters import load_values, owner_of, parameter_values
from tcaffe.ir.node import Node
from tcaffe.pycaffe.blob import Blob, ParameterBlob
from tcaffe.pycaffe.hosts import Hosts
from tcaffe.pycaffe.settings import SETTINGS

File = str | os.PathLike[str]


class Parameters:
    """A blob for each parameter of a net, by its name in the net's graph."""

    def __init__(self) -> None:
        self.blobs: dict[str, ParameterBlob] = {}

    def start(self, lowered: Lowered, weights: File | None, hosts: Hosts) -> None:
        """Let all parameters start as their fillers say, or as the weights hold them.

        Those of Python layers start as `setup` left them; from now on they are the net's.
        """
        values = parameter_values(lowered, weights, SETTINGS.random)
        self.blobs |= {name: ParameterBlob(value) for name, value in values.items()}
        loaded = load_values(lowered, weights)[0] if weights is not None and hosts else {}
        for index, layer in enumerate(lowered.layers):
            if index in hosts:
                for k, param in enumerate(layer.params):
                    if param is owner_of(param) and param.name not in loaded:
                        self.blobs[param.name].set(hosts[index].blobs[k].data)
                hosts[index].blobs[:] = self.of(layer.params)

    def follow(self, lowered: Lowered) -> bool:
        """Give state the shapes it has in `lowered`, the net for other inputs; whether any is another one.

        Raises ValueError where a parameter that was learned would change its shape.
        """
        changed = False
        for parameter in lowered.parameters if self.blobs else ():
            node = parameter.node
            new, old = node.shape, self.blobs[node.name].shape
            if new != old and parameter.index is not None:
                raise ValueError(f"parameter {node.name!r} is {list(old)}, for these inputs it would be {list(new)}")
            if new != old:
                self.blobs[node.name] = ParameterBlob(np.zeros(new, np.float32))
                changed = True
        return changed

    def load(self, lowered: Lowered, weights: File) -> None:
        """Take what a weights file has for layers of the same names; raises CompileError where it does not fit."""
        for name, value in load_values(lowered, weights)[0].items():
            self.blobs[name].set(value)

    def share(self, lowered: Lowered, other: Parameters, theirs: Lowered) -> None:
        """Have the values of `other`, of a net lowered as `theirs`, for layers of the same names.

        Raises ValueError where they have other shapes.
        """
        for name, params in lowered.params.items():
            there = theirs.params.get(name, params)
            if len(there) != len(params):
                raise ValueError(f"layer {name!r} has {len(params)} parameters here, {len(there)} there")
            if name in theirs.params:
                for mine, their in zip(params, there, strict=True):
                    self.blobs[owner_of(mine).name].share(other.blobs[owner_of(their).name])

    def clear_diffs(self) -> None:
        """Set all gradients to zero."""
        for blob in self.blobs.values():
            blob.diff.fill(0)

    def of(self, params: Iterable[Node]) -> list[Blob]:
        """The blobs of a layer's parameters; one that is shared under another shape is a view of its owner's."""
        return [self.blobs[p.name] if p is owner_of(p) else self._reshaped(p) for p in params]

    def _reshaped(self, param: Node) -> Blob:
        blob = Blob(param.shape)
        owner = self.blobs[owner_of(param).name]
        blob.bind(owner.data.reshape(param.shape))
        blob.bind_diff(owner.diff.reshape(param.shape))
        return blob

