"""Fields of a layer that the schema does not have: typed values for the rules that know them, and what nobody reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from google.protobuf.message import Message as Typed

from tcaffe.diagnostics import Source
from tcaffe.frontend.bind import read_tree
from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.scalars import BadValueError, plain_value
from tcaffe.frontend.text import Entry, Message, Scalar

_KINDS: dict[type, tuple[str, Callable[[Any], bool]]] = {
    bool: ("true or false", lambda value: isinstance(value, int) and value in (0, 1)),
    int: ("a whole number", lambda value: _is_number(value) and isinstance(value, int)),
    float: ("a number", lambda value: _is_number(value)),
    str: ("a word or a string", lambda value: isinstance(value, str)),
    dict: ("a message `{ ... }`", lambda value: isinstance(value, dict)),
}


@dataclass(frozen=True)
class ForeignFields:
    """The foreign fields of one layer, and which of them were asked for.

    `trees` holds them by the path, within the layer, of the message of the schema they stand in. A path leads on into
    messages of the layer that are foreign themselves: `order` of `permute_param` is at ("permute_param", "order").
    """

    source: Source
    trees: Mapping[FieldPath, Message]
    _asked: set[FieldPath] = field(default_factory=set)

    def find(self, name: str, messages: tuple[str, ...]) -> tuple[FieldPath, list[Entry]]:
        """The path of a field and each time it is given, in the first of `messages` that has it or in the layer itself.

        The field counts as asked for. Where it is not given, the path is () and there are no entries.
        """
        for path in (*((message,) for message in messages), ()):
            self._asked.add((*path, name))
            if entries := self._within(path).get(name):
                return (*path, name), entries
        return (), []

    def value(self, entry: Entry, kind: type) -> Any:
        """What an entry holds, as `kind` says: bool, int, float, str, a protobuf message, or dict for any message.

        Raises BadValueError if it holds something else, CompileError for what is wrong within a protobuf message.
        """
        if issubclass(kind, Typed) and isinstance(entry.value, Message):
            return read_tree(entry.value, kind, self.source)
        value = plain_value(entry.value)
        takes, fits = _KINDS.get(kind, ("a message `{ ... }`", lambda value: False))
        if not fits(value):
            given = f"`{entry.value.raw[:40]}`" if isinstance(entry.value, Scalar) else "a message"
            raise BadValueError("E0203", f"`{entry.field.name}` takes {takes}, not {given}")
        return kind(value)

    def named_like(self, layer_type: str) -> tuple[str, ...]:
        """The foreign messages named after a layer type, as `roi_pooling_param` is after ROIPooling."""
        return tuple(name for name in self._messages if _bare(name) == layer_type.lower())

    def unread(self, messages: tuple[str, ...]) -> Iterator[tuple[FieldPath, Entry]]:
        """The fields nobody has asked for, each as first given: those of the layer itself and of `messages`."""
        open_ = [(name,) for name in messages if (name,) not in self._asked]
        for path in ((), *open_):
            for name, (first, *_) in self._within(path).items():
                if (*path, name) not in self._asked and (*path, name) not in open_:
                    yield (*path, name), first

    def asked(self) -> set[str]:
        """The names of the fields that were asked for."""
        return {str(path[-1]) for path in self._asked}

    def _within(self, path: FieldPath) -> dict[str, list[Entry]]:
        """The foreign fields in the message at `path`, which is () or the name of a message of the layer."""
        foreign = self._messages.get(str(path[0])) if path else None
        tree = foreign or self.trees.get(path)
        return tree.entries if tree else {}

    @cached_property
    def _messages(self) -> dict[str, Message]:
        """The messages of the layer that are foreign themselves."""
        own = self.trees[()].entries.items() if () in self.trees else ()
        return {name: first.value for name, (first, *_) in own if isinstance(first.value, Message)}


def _is_number(value: Any) -> bool:
    """Whether a value is a number, if whole one that fits into 64 bits."""
    return isinstance(value, float) or (isinstance(value, int) and type(value) is not bool and abs(value) < 2**63)


def _bare(message: str) -> str:
    """The name of a `*_param` field as a layer type is called, in lower case."""
    return message.replace("_", "").removesuffix("param").lower()
