"""Manifests: what a compiled net needs to run, as plain data that reads back from JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from tcaffe.ir.program import Launch, MemoryPlan

FORMAT = 1
ALIGNMENT = 64  # bytes: a cache line, and the widest vector load
ITEM_BYTES = {"float32": 4, "float64": 8, "float16": 2, "int32": 4, "int64": 8, "uint8": 1, "bool": 1}


def aligned(size: int) -> int:
    """`size` bytes rounded up to the next multiple of the alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


@dataclass(frozen=True, slots=True)
class View:
    """A stored value: an array of `dtype` (numpy's name), `offset` bytes into the arena; strides are bytes.

    Where it names a `param`, it is a view of that parameter, and `offset` counts from its start.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    param: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row-major array of `dtype` (numpy's name), `offset` bytes into the file of weights."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Call:
    """One kernel. On a CPU `function(pool, *inputs, *params, *outputs, *scratch)` binds arrays and returns what runs
    it; on a GPU its `launches` are started one after the other.
    """

    function: str
    inputs: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    launches: tuple[Launch, ...] = ()

    @property
    def views(self) -> tuple[str, ...]:
        """The names of what it takes from the arena."""
        return (*self.inputs, *self.outputs, *self.scratch)


@dataclass(frozen=True)
class Manifest:
    """Everything about a compiled net but its source and the parameters' values.

    `inputs` names views, `outputs` maps the names users see to views; `calls` stand in the order in which they run.
    `unused` names inputs of the net that these outputs do not need: callers may give them all the same.
    `source_sha256` ties a saved manifest to the source beside it; it is empty for one that was never saved.
    Invariant: names of views are unique, and so are names of parameters.
    """

    name: str
    target: str
    workers: int
    inputs: tuple[str, ...]
    outputs: dict[str, str]
    views: tuple[View, ...]
    params: tuple[Parameter, ...]
    calls: tuple[Call, ...]
    plan: MemoryPlan
    unused: tuple[str, ...] = ()
    source_sha256: str = ""
    format: int = field(default=FORMAT)

    @property
    def weights_bytes(self) -> int:
        """The size of the file of weights."""
        return max((aligned(p.offset + nbytes(p)) for p in self.params), default=0)

    def json(self) -> dict[str, Any]:
        """The manifest as plain values for `json.dumps`."""
        return asdict(self)


def nbytes(array: View | Parameter) -> int:
    """Bytes of all elements of `array`."""
    return math.prod(array.shape) * ITEM_BYTES[array.dtype]
