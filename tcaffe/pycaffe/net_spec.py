"""Nets written in Python: `layers` makes them, `params` names their constants, a NetSpec gives blobs their names.

    n = NetSpec()
    n.data = L.Input(shape=dict(dim=[1, 1, 28, 28]))
    n.pool = L.Pooling(n.data, pool=P.Pooling.MAX, kernel_size=2, stride=2)
    n.to_proto()                                       # a NetParameter; its str() is prototxt
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor

from tcaffe.diagnostics import suggest
from tcaffe.frontend.layers import CAFFE_TYPES, LAYERS
from tcaffe.pycaffe.fields import set_parameters
from tcaffe.schema import caffe_pb2


class Top:
    """One of the results of a layer; it has a name when it stands in a NetSpec, and in the net that is written."""

    def __init__(self, fn: Function, n: int) -> None:
        self.fn, self.n = fn, n

    def to_proto(self) -> caffe_pb2.NetParameter:
        """The net that computes it; see `to_proto`."""
        return to_proto(self)


class Function:
    """A layer: its type, the tops it reads, its tops, and its parameters by keyword.

    Of `params`, `ntop` is the number of tops (1), and `in_place` says that they are the bottoms. Raises TypeError for
    an input that is not a Top.
    """

    def __init__(self, type_name: str, inputs: Sequence[Any], params: Mapping[str, Any]) -> None:
        for index, bottom in enumerate(inputs):
            if not isinstance(bottom, Top):
                raise TypeError(f"{type_name} input {index} is not a Top (type is {type(bottom)})")
        self.type_name, self.params = type_name, dict(params)
        self.inputs: tuple[Top, ...] = tuple(inputs)
        self.ntop: int = self.params.pop("ntop", 1)
        self.in_place: bool = self.params.pop("in_place", False)
        if self.in_place and self.ntop > len(inputs):
            raise ValueError(f"{type_name} has {self.ntop} tops, in place of {len(inputs)} bottoms")
        self.tops = tuple(Top(self, n) for n in range(self.ntop))

    @property
    def fn(self) -> Function:
        """The layer itself, so that it and a Top can be asked alike."""
        return self


Item = Top | Function


class NetSpec:
    """A net under construction: `n.name = top`, or `n["name"] = top`, names a top, or a layer that has none.

    `tops` holds them by name, in order.
    """

    tops: dict[str, Item]

    def __init__(self) -> None:
        super().__setattr__("tops", {})

    def __setitem__(self, name: str, item: Any) -> None:
        if not isinstance(item, Top | Function):
            note = ": assign to as many names as it has tops" if isinstance(item, tuple) else ""
            raise TypeError(f"n.{name} must be what a layer returns, not {type(item)}{note}")
        self.tops[name] = item

    def __getitem__(self, name: str) -> Item:
        return self.tops[name]

    def __delitem__(self, name: str) -> None:
        del self.tops[name]

    def __setattr__(self, name: str, item: Item) -> None:
        self[name] = item

    def __getattr__(self, name: str) -> Any:
        if name == "tops" or name not in self.tops:  # without a `tops`, this is a copy that is only being made
            raise AttributeError(f"the net has no top {name!r}")
        return self.tops[name]

    def __delattr__(self, name: str) -> None:
        if name not in self.tops:
            raise AttributeError(f"the net has no top {name!r}")
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.tops]

    def keys(self) -> list[str]:
        """The names given, in order."""
        return list(self.tops)

    def to_proto(self) -> caffe_pb2.NetParameter:
        """The net: every layer that the named tops need, each after those it reads.

        A layer is called like its first top. A top without a name becomes Type1, Type2 ..., counted for each type;
        numbers whose name was given to another top are left out. A keyword `name` gives the layer another name.
        Raises AttributeError, TypeError or ValueError for parameters that do not fit; see `set_parameters`.
        """
        return _write(self.tops.values(), {item: name for name, item in self.tops.items()})


def to_proto(*tops: Item) -> caffe_pb2.NetParameter:
    """The net that computes `tops`, all names automatic; see `NetSpec.to_proto`."""
    return _write(tops, {})


def _write(ends: Iterable[Item], given: Mapping[Item, str]) -> caffe_pb2.NetParameter:
    net = caffe_pb2.NetParameter()
    names, blobs = _Names(given), dict[Top, str]()
    for fn in _in_order(ends):
        bottoms = [blobs[top] for top in fn.inputs]
        tops = bottoms if fn.in_place else [names.of(top) for top in fn.tops]
        blobs.update(zip(fn.tops, tops, strict=False))  # in place there may be more bottoms than tops
        name = names.of(fn.tops[0] if fn.tops else fn)
        layer = net.layer.add(name=name, type=fn.type_name, bottom=bottoms, top=tops)
        set_parameters(layer, fn.params)
    return net


class _Names:
    """The names of tops, and of layers without any: as given, or by type and number."""

    def __init__(self, given: Mapping[Item, str]) -> None:
        self._names = dict(given)
        self._given = frozenset(given.values())
        self._counts: Counter[str] = Counter()

    def of(self, item: Item) -> str:
        """The name of `item`, the same each time."""
        if item not in self._names:
            self._names[item] = self._next(item.fn.type_name)
        return self._names[item]

    def _next(self, kind: str) -> str:
        while True:
            self._counts[kind] += 1
            name = f"{kind}{self._counts[kind]}"
            if name not in self._given:
                return name


def _in_order(ends: Iterable[Item]) -> Iterable[Function]:
    """Every layer that `ends` need, once, each after those it reads."""
    order: dict[Function, None] = {}
    stack = [(item.fn, False) for item in reversed(list(ends))]
    while stack:
        fn, ready = stack.pop()
        if ready:
            order[fn] = None
        elif fn not in order:
            stack.append((fn, True))
            stack.extend((top.fn, False) for top in reversed(fn.inputs))
    return order


class Layers:
    """`L.Type(*bottoms, ntop=1, in_place=False, **params)` makes a layer of any type.

    It returns its top, a tuple of its tops, or, with ntop=0, the Function itself.
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(f"there is no layer type {name!r}")

        def make(*bottoms: Top, **params: Any) -> Top | tuple[Top, ...] | Function:
            fn = Function(name, bottoms, params)
            return fn.tops[0] if fn.ntop == 1 else fn.tops or fn

        return make

    def __dir__(self) -> list[str]:
        return sorted(CAFFE_TYPES | LAYERS.keys())


class Parameters:
    """`P.Message.CONSTANT` is the number of an enum's constant: P.Pooling.MAX is that of PoolingParameter."""

    def __getattr__(self, name: str) -> Constants:
        message = caffe_pb2.DESCRIPTOR.message_types_by_name.get(f"{name}Parameter")
        if message is None:
            raise AttributeError(f"there is no message {name}Parameter; {suggest(name, dir(self))}".rstrip("; "))
        return Constants(message)

    def __dir__(self) -> list[str]:
        names = caffe_pb2.DESCRIPTOR.message_types_by_name
        return sorted(name.removesuffix("Parameter") for name in names if name.endswith("Parameter"))


class Constants:
    """The constants of the enums of a message, as numbers."""

    def __init__(self, message: Descriptor) -> None:
        self._message = message

    def __getattr__(self, name: str) -> int:
        value = self._message.enum_values_by_name.get(name)
        if value is None:
            choices = ", ".join(dir(self)) or "none"
            raise AttributeError(f"{self._message.name} has no constant {name}; it has: {choices}")
        return value.number

    def __dir__(self) -> list[str]:
        return sorted(self._message.enum_values_by_name.keys())


layers = Layers()
params = Parameters()
