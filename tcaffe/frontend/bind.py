"""From the generic tree of a prototxt to a typed protobuf message, with the place of every value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as Typed
from google.protobuf.message_factory import GetMessageClass

from tcaffe.diagnostics import Reporter, Source, Span, suggest
from tcaffe.frontend.forks import FORK_OF_FIELD
from tcaffe.frontend.scalars import BadValueError, converter, takes
from tcaffe.frontend.text import Entry, Message, Scalar, parse_text, read_source
from tcaffe.schema import caffe_pb2

Path = tuple[str | int, ...]
Lenient = bool | Callable[[Message], bool]
M = TypeVar("M", bound=Typed)


@dataclass(frozen=True)
class Spans:
    """Where each value stands: `spans["layer", 3, "convolution_param", "num_output"]`.

    A repeated field takes an index (from 0), a single one none. A message stands at its name.
    """

    source: Source
    tree: Message

    def __getitem__(self, path: Path) -> Span:
        """The span of the value at `path`; raises KeyError if the text does not hold it."""
        if (span := self.get(path)) is None:
            raise KeyError(path)
        return span

    def __contains__(self, path: Path) -> bool:
        return self._entry(path) is not None

    def get(self, path: Path) -> Span | None:
        """The span of the value at `path`, None if the text does not hold it."""
        entry = self._entry(path)
        return self.source.span(*entry.place) if entry else None

    def nearest(self, path: Path) -> Span | None:
        """The span of the value at `path`, or of the innermost message around it that the text holds."""
        return next((span for end in range(len(path), 0, -1) if (span := self.get(path[:end]))), None)

    def _entry(self, path: Path) -> Entry | None:
        node: Scalar | Message = self.tree
        entry, at = None, 0
        while at < len(path):
            numbered = at + 1 < len(path) and isinstance(path[at + 1], int)
            index = int(path[at + 1]) if numbered else 0
            entries = node.entries.get(str(path[at]), ()) if isinstance(node, Message) else ()
            if not 0 <= index < len(entries):
                return None
            entry, at = entries[index], at + 1 + numbered
            node = entry.value
        return entry


@dataclass(frozen=True)
class Bound(Generic[M]):
    """A typed message, the place of its values, and what the schema does not know.

    `extras` maps the path of a message to a tree of its unknown fields, where the caller was lenient about them.
    """

    message: M
    spans: Spans
    extras: dict[Path, Message]


def read_net(text: str | bytes, file: str, lenient: Lenient = False) -> Bound[caffe_pb2.NetParameter]:
    """A net's prototxt as a NetParameter, not upgraded; raises CompileError with every problem found."""
    return read_message(text, caffe_pb2.NetParameter.DESCRIPTOR, file, lenient)


def read_message(text: str | bytes, descriptor: Descriptor, file: str, lenient: Lenient = False) -> Bound[Any]:
    """A text as a message of the type `descriptor`; raises CompileError with every problem found.

    Unknown fields are errors, except within messages that `lenient` accepts (called with the tree of a message
    around the unknown field, innermost first); those are kept in `extras`.
    """
    source = read_source(text, file)
    tree = parse_text(source)
    binder = _Binder(source, lenient)
    message = GetMessageClass(descriptor)()
    binder.fill(message, tree, ())
    binder.reporter.diagnostics.sort(key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
    binder.reporter.raise_if_errors()
    return Bound(message, Spans(source, tree), binder.extras)


@dataclass(frozen=True, slots=True)
class _Slot:
    """A field of the schema, ready to be filled; `convert` is None for a message."""

    name: str
    repeated: bool
    descriptor: FieldDescriptor
    convert: Callable[[Scalar], Any] | None


@cache
def _slots(descriptor: Descriptor) -> dict[str, _Slot]:
    """The fields of a message type by name."""
    return {
        f.name: _Slot(f.name, f.is_repeated, f, None if f.message_type else converter(f)) for f in descriptor.fields
    }


@dataclass
class _Binder:
    """Fills a message from a tree, collecting problems."""

    source: Source
    lenient: Lenient
    reporter: Reporter = field(default_factory=Reporter)
    extras: dict[Path, Message] = field(default_factory=dict)
    around: list[Message] = field(default_factory=list)

    def fill(self, target: Typed, tree: Message, path: Path) -> None:
        """Set the fields of `target` as the tree says; `path` leads to it."""
        slots = _slots(target.DESCRIPTOR)
        self.around.append(tree)
        for name, entries in tree.entries.items():
            if slot := slots.get(name):
                self._fill_field(target, slot, entries, tree, path)
            else:
                self._unknown(target.DESCRIPTOR, tree, name, path)
        self.around.pop()

    def _fill_field(self, target: Typed, slot: _Slot, entries: list[Entry], tree: Message, path: Path) -> None:
        if slot.repeated:
            self._fill_repeated(getattr(target, slot.name), slot, entries, (*path, slot.name))
        elif self._is_single(slot, entries, tree):
            if slot.convert:
                value = self._value(slot, entries[0])
                if value is not None:
                    setattr(target, slot.name, value)
            elif message := self._message(slot, entries[0]):
                inner = getattr(target, slot.name)
                inner.SetInParent()
                self._fill_message(inner, message, entries[0], (*path, slot.name))

    def _fill_repeated(self, target: Any, slot: _Slot, entries: list[Entry], path: Path) -> None:
        if slot.convert:
            values = [self._value(slot, entry) for entry in entries]
            target.extend(v for v in values if v is not None)
            return
        for index, entry in enumerate(entries):
            if tree := self._message(slot, entry):
                self._fill_message(target.add(), tree, entry, (*path, index))

    def _fill_message(self, target: Typed, tree: Message, entry: Entry, path: Path) -> None:
        self.fill(target, tree, path)
        for slot in _slots(target.DESCRIPTOR).values():
            if slot.descriptor.is_required and slot.name not in tree.entries:
                self._error("E0206", f"`{entry.field.name}` needs `{slot.name}`, which is missing", entry.place)

    def _is_single(self, slot: _Slot, entries: list[Entry], tree: Message) -> bool:
        """Whether a field that is not repeated has a value; an error if it has several, or a list."""
        if not entries or entries[0].field.listed:
            start = next(f.start for f in tree.fields if f.name == slot.name and f.listed)
            note = f"it takes {takes(slot.descriptor)}, once"
            self._error("E0208", f"`{slot.name}` does not take a list", (start, len(slot.name)), note)
        for again in entries[1:]:
            line = self.source.span(entries[0].place[0]).line
            self._error("E0205", f"`{slot.name}` is given again", again.place, f"it is given on line {line} already")
        return bool(entries)

    def _value(self, slot: _Slot, entry: Entry) -> Any:
        """The value of a scalar, None if it is not fit for the field."""
        if not isinstance(entry.value, Scalar):
            self._error("E0203", f"`{slot.name}` takes {takes(slot.descriptor)}, not a message", entry.place)
            return None
        assert slot.convert
        try:
            return slot.convert(entry.value)
        except BadValueError as bad:
            start, length = entry.place
            place = (start + bad.offset, bad.length or length)
            self._error(bad.code, bad.message, place, bad.note, bad.suggestion)
            return None

    def _message(self, slot: _Slot, entry: Entry) -> Message | None:
        """The tree of a message, None if a scalar stands in its place."""
        if isinstance(entry.value, Message):
            return entry.value
        start, end = entry.value.start, entry.value.end
        wrong = f"`{slot.name}` takes a message, not `{entry.value.raw[:40]}`"
        self._error("E0203", wrong, (start, end - start), suggestion=f"write `{slot.name} {{ ... }}`")
        return None

    def _unknown(self, descriptor: Descriptor, tree: Message, name: str, path: Path) -> None:
        """A field the schema does not know: kept if the caller is lenient here, else an error."""
        fields = tuple(f for f in tree.fields if f.name == name)
        if name[0] == "[":
            note = "Caffe's schema has no extensions, and nothing of type Any"
            self._error("E0107", f"`{name}` names an extension", (fields[0].start, len(name)), note)
        elif self._is_lenient():
            known = self.extras[path].fields if path in self.extras else ()
            self.extras[path] = Message((*known, *fields))
        else:
            owner = next((str(p) for p in reversed(path) if isinstance(p, str)), "")
            where = f"`{owner}`" if owner else f"a {descriptor.name}"
            note, suggestion = _hints(descriptor, name)
            for f in fields:
                self._error("E0201", f"{where} has no field `{name}`", (f.start, len(name)), note, suggestion)

    def _is_lenient(self) -> bool:
        if isinstance(self.lenient, bool):
            return self.lenient
        return any(map(self.lenient, reversed(self.around)))

    def _error(self, code: str, message: str, place: tuple[int, int], note: str = "", suggestion: str = "") -> None:
        self.reporter.error(code, message, self.source.span(*place), note, suggestion)


def _hints(descriptor: Descriptor, name: str) -> tuple[str, str]:
    """Where an unknown field may come from (a note), and what may have been meant (a suggestion)."""
    if fork := FORK_OF_FIELD.get(name):
        return f"`{name}` is from the {fork} fork", ""
    owners = [f.name for f in descriptor.fields if f.message_type and name in f.message_type.fields_by_name]
    if owners and len(owners) <= 6:
        return f"it is a field of {', '.join(f'`{o}`' for o in owners)}", ""
    if suggestion := suggest(name, _slots(descriptor)):
        return "", suggestion
    fields = sorted(_slots(descriptor))
    return (f"its fields are {', '.join(fields)}" if len(fields) <= 12 else ""), ""
