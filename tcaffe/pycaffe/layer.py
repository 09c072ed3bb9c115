"""Layers, as pycaffe shows them, and the base of those that are written in Python."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tcaffe.pycaffe.blob import Blob

Blobs = Sequence[Blob]


class BlobList(list[Blob]):
    """The parameters of a layer; the setup of a Python layer adds some."""

    def add_blob(self, *shape: int) -> None:
        """Append a parameter of zeros."""
        self.append(Blob(shape))


class Layer:
    """A layer of a net: its type and its parameters, `blobs`.

    A Python layer derives from it. `param_str` and `phase` are set before `setup`; `reshape` follows it, and comes
    before each `forward`; `backward` is to fill the `diff` of those bottoms that `propagate_down` says yes to.
    """

    type = "Python"
    param_str = ""
    phase = 1

    def __init__(self, param: Any = None, type: str = "Python", blobs: Iterable[Blob] = ()) -> None:
        self.type = type
        self.blobs = BlobList(blobs)

    def setup(self, bottom: Blobs, top: Blobs) -> None:
        """Read `param_str`, check how many blobs there are, add parameters."""

    def reshape(self, bottom: Blobs, top: Blobs) -> None:
        """Give every top its shape."""

    def forward(self, bottom: Blobs, top: Blobs) -> None:
        """Fill the data of the tops."""

    def backward(self, top: Blobs, propagate_down: Sequence[bool], bottom: Blobs) -> None:
        """Fill the diff of the bottoms, and add to that of the parameters."""
