"""Chains: the result of an anchor and the pointwise work on it, one block at a time."""

from __future__ import annotations

from tcaffe.codegen.numpy.blocks import Block
from tcaffe.codegen.numpy.function import Function
from tcaffe.codegen.numpy.pointwise import Walk
from tcaffe.ir.node import Node
from tcaffe.ir.slots import chain_nodes, chain_slots


class Chain:
    """A block of `anchor`, computed into `home` by a frame; `finish` does the rest and stores it.

    Home is the result's own place where nothing that is still needed can lie there, else a temporary.
    """

    def __init__(self, f: Function, anchor: Node, block: Block, *, home: str = "") -> None:
        self.f, self.anchor, self.block = f, anchor, block
        self.nodes = chain_nodes(f.kernel)
        self.stored = [v for v in f.kernel.outputs if v in self.nodes]
        self.walk = Walk(f, block, chain_slots(f.kernel, copied=f.kernel.attrs.get("store") == "copy"))
        self.direct = not f.has("t0") and not home
        self.home = self.walk.slot("t0", self.walk.stored(self.stored[-1]) if self.direct else home)
        self.walk.texts[anchor] = self.home
        if self.direct:
            self.walk.places[self.stored[-1]] = self.home

    @property
    def result(self) -> str:
        """The block of the last value of the chain, once it is finished."""
        return self.walk.texts[self.nodes[-1]]

    def finish(self) -> None:
        """Write the pointwise work."""
        if self.anchor in self.stored and not self.direct:
            self.f.body.line(f"np.copyto({self.walk.stored(self.anchor)}, {self.home})")
        self.walk.run(self.nodes)
