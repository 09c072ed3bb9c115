"""Nets that bring their own data, as a training program needs them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcaffe.data.feed import Feed
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.load import NetInState
from tcaffe.gradients import total_loss
from tcaffe.ir.node import Node
from tcaffe.runtime.context import Context
from tcaffe.train.bookmark import Place
from tcaffe.train.report import Arrays

LOSS = "(loss)"
"""The output, f32[], that is the sum of all losses."""


class Fed:
    """A net in some state, for the shapes of its data, and the numbers it draws: others in each process of a group."""

    def __init__(self, net: NetInState, feeds: Sequence[Feed], seed: int, rank: int = 0) -> None:
        self.message, self._feeds, self._rank = net.message, feeds, rank
        self.lowered = net.lower({top: shape for feed in feeds for top, shape in feed.shapes.items()})
        self._key = np.array([seed + rank, 0], np.int64)
        fed = {top for feed in feeds for top in feed.tops}
        if missing := [name for name in self.lowered.inputs if name not in fed]:
            note = "data layers bring it; a net whose inputs a script fills is trained by tcaffe.get_solver"
            raise CompileError([
                Diagnostic("E0806", f"nothing brings data for the input `{name}`", note=note) for name in missing
            ])  # fmt: skip

    @property
    def items(self) -> int:
        """How many items a batch has: the first axis of the first blob that is fed."""
        tops = (top for feed in self._feeds for top in feed.tops if self.lowered.blobs[top].shape)
        return next((self.lowered.blobs[top].shape[0] for top in tops), 1)

    @property
    def outputs(self) -> dict[str, Node]:
        """The net's outputs, and the sum of its losses."""
        return {name: self.lowered.blobs[name] for name in self.lowered.outputs} | {LOSS: total_loss(self.lowered)}

    def feed(self, context: Context) -> None:
        """Put the next batch where `context` reads it; raises CompileError for one of another shape (E0806)."""
        for feed in self._feeds:
            shapes = {top: self.lowered.blobs[top].shape for top in feed.tops}
            for top, array in feed.batch(shapes).items():
                if array.shape != shapes[top]:
                    message = f"a batch for `{top}` is {list(array.shape)}, the net is made for {list(shapes[top])}"
                    note = "a crop_size, or scaling, makes items of one size"
                    raise CompileError([Diagnostic("E0806", message, note=note)])
                if top in context.inputs:
                    np.copyto(context.inputs[top], array)
        if self.lowered.random is not None and self.lowered.random.name in context.inputs:
            np.copyto(context.inputs[self.lowered.random.name], self._key)
            self._key[1] += 1

    def place(self, values: Arrays) -> Place:
        """Where the net stands, `values` being its parameters by name."""
        feeds = tuple((feed.seeds.seed, feed.position) for feed in self._feeds)
        state = {name: np.ravel(values[name]).tolist() for name in self._carried}
        return Place(int(self._key[0]) - self._rank, int(self._key[1]), feeds, state)

    def move(self, place: Place, values: Arrays) -> None:
        """Go on from a place, as far as it is one of this net."""
        self._key[:] = place.seed + self._rank, place.draws
        if len(place.feeds) == len(self._feeds):
            for feed, (seed, position) in zip(self._feeds, place.feeds, strict=True):
                feed.seeds.seed, feed.position = seed, position
        for name in self._carried:
            if len(place.state.get(name, ())) == values[name].size:
                values[name][...] = np.reshape(place.state[name], values[name].shape)

    @property
    def _carried(self) -> list[str]:
        """What is carried from pass to pass, and is no parameter that a snapshot holds."""
        return [p.node.name for p in self.lowered.parameters if p.index is None]

    def results(self, context: Context) -> tuple[float, Arrays]:
        """The loss and the outputs of a run."""
        found = {name: context.outputs[name] for name in self.lowered.outputs}
        return float(context.outputs[LOSS]), found
