"""What a net makes of its data, batch by batch: from its own data layers, or from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import numpy as np

from tcaffe.cli import feeding, screen
from tcaffe.cli.building import load_weights
from tcaffe.cli.feeding import Preprocessing
from tcaffe.cli.options import NetQuery
from tcaffe.compiler import deploy
from tcaffe.data.feeds import feeds_of
from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.lower import Lowered
from tcaffe.ir.target import Target
from tcaffe.request import Request
from tcaffe.runtime.context import Context
from tcaffe.train.fed import Fed

Values = dict[str, np.ndarray]


@dataclass
class Extraction:
    """Blobs of a net to be computed with these weights. It is compiled when the first batch is asked for."""

    query: NetQuery
    weights: Sequence[str]
    blobs: Sequence[str]
    target: Target
    seed: int = 0
    _complained: bool = field(default=False, init=False)

    def from_data(self, count: int) -> Iterator[Values]:
        """The blobs of `count` batches that the net's data layers read; raises CompileError."""
        random = np.random.default_rng(self.seed)
        feeds = list(feeds_of(self.query.state.message, self.query.phase, lambda: random))
        with ExitStack() as stack:
            for feed in feeds:
                stack.enter_context(closing(feed))
            fed = Fed(self.query.state, feeds, self.seed)
            context = self._compiled(fed.lowered)
            for _ in range(count):
                fed.feed(context)
                yield self._run(context)

    def from_arrays(self, arrays: Mapping[str, np.ndarray], count: int | None) -> Iterator[Values]:
        """The blobs of `arrays`, one for each input, in batches as large as the net's, `count` at most.

        What is left for a last, smaller batch is computed by the net compiled for so many. Raises CompileError.
        """
        items = same_length(arrays)
        size = min(self._batch(), items)
        whole = items // size
        for batch, first, number in ((size, 0, whole), (items % size, whole * size, 1)):
            number = number if count is None else min(number, count - first // size)
            if batch and number > 0:
                yield from self._pieces(arrays, batch, first, number)

    def _pieces(self, arrays: Mapping[str, np.ndarray], size: int, first: int, number: int) -> Iterator[Values]:
        """The blobs of `number` batches of one size from the item `first` on."""
        lowered = self.query.lower({name: (size, *array.shape[1:]) for name, array in arrays.items()})
        context = self._compiled(lowered)
        key = lowered.random.name if lowered.random is not None else ""
        for k in range(number):
            start = first + k * size
            for name, place in context.inputs.items():
                place[...] = [self.seed, start] if name == key else arrays[name][start : start + size]
            yield self._run(context)

    def _batch(self) -> int:
        """The batch that the user, or the net itself, wants."""
        lowered = self.query.lower()
        return min(lowered.blobs[name].shape[0] for name in lowered.inputs)

    def _compiled(self, lowered: Lowered) -> Context:
        """The net, ready to run; what there is to complain of is told once."""
        values, said = load_weights(lowered, self.weights)
        with screen.progress("compiling"):
            executable = deploy(lowered, values, Request(self.blobs), target=self.target)
        if not self._complained:
            screen.complain([*lowered.warnings, *said])
        self._complained = True
        return executable.context()

    def _run(self, context: Context) -> Values:
        context.run()
        return {name: np.array(context.outputs[name], order="C") for name in self.blobs}


def read_arrays(query: NetQuery, files: Sequence[tuple[str, str]], prepare: Preprocessing) -> Values:
    """What files hold for the inputs of a net, each of which needs some; raises CompileError."""
    slots = feeding.slots_of_net(query.lower())
    arrays = feeding.read_inputs(files, slots, prepare)
    if missing := [slot.name for slot in slots if slot.name not in arrays]:
        raise CompileError([Diagnostic("E0605", f"no file feeds the input `{name}`") for name in missing])
    if scalars := [slot.name for slot in slots if not slot.shape]:
        raise CompileError([Diagnostic("E0611", f"the input `{name}` has no axis for items") for name in scalars])
    return arrays


def same_length(arrays: Mapping[str, np.ndarray]) -> int:
    """How many items there are; raises CompileError where one input is given another number than the others."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) != 1 or not min(lengths.values()):
        told = ", ".join(f"{number} for `{name}`" for name, number in lengths.items())
        raise CompileError([Diagnostic("E0611", f"the inputs need one number of items, at least one: {told}")])
    return next(iter(lengths.values()))
