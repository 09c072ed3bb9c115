"""From the generic tree of a prototxt to a typed protobuf message, with the place of every value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message as Typed

from tcaffe.diagnostics import Reporter, Source, suggest
from tcaffe.frontend.bound import Bound, FieldPath, M, Spans
from tcaffe.frontend.forks import fork_note, is_kept
from tcaffe.frontend.nested import lifted
from tcaffe.frontend.scalars import BadValueError, converter, plain_value, takes
from tcaffe.frontend.text import Entry, Field, Message, Place, Scalar, parse_text, read_source
from tcaffe.schema import caffe_pb2

Lenient = bool | Callable[[str], bool]

MOST_PROBLEMS = 1000  # more than anybody reads; a file with more is not a net


def read_net(
    text: str | bytes, file: str, lenient: Lenient = False, reporter: Reporter | None = None
) -> Bound[caffe_pb2.NetParameter]:
    """A net's prototxt as a NetParameter, not upgraded; problems are handled as by `read_message`."""
    return read_message(text, caffe_pb2.NetParameter, file, lenient, reporter)


def read_message(
    text: str | bytes, kind: type[M], file: str, lenient: Lenient = False, reporter: Reporter | None = None
) -> Bound[M]:
    """A text as a message of the class `kind`; raises CompileError with every problem found.

    A `reporter` gets the problems instead, and the message lacks what was wrong; bad syntax is raised all the same.
    Unknown fields are errors, except those of forks whose meaning is known, and except where the caller is `lenient`:
    everywhere, or within those layers whose type it accepts. What is no error is kept in `Bound.extras`.
    """
    source = read_source(text, file)
    tree = parse_text(source)
    if kind is caffe_pb2.NetParameter:
        tree = lifted(tree)
    binder = _Binder(source, (lambda layer_type: False) if isinstance(lenient, bool) else lenient)
    message = kind()
    binder.fill(message, tree, (), (0, 1), lenient is True)
    extras = binder.kept()
    binder.finish(reporter)
    return Bound(message, Spans(source, tree), extras)


def read_tree(tree: Message, kind: type[M], source: Source) -> M:
    """A tree, a part of `source`, as a message of the class `kind`; raises CompileError with every problem found."""
    binder = _Binder(source, lambda layer_type: False)
    message = kind()
    binder.fill(message, tree, (), (0, 1), False)
    binder.finish()
    return message


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


@cache
def _required(descriptor: Descriptor) -> list[str]:
    """The fields that a message type cannot do without."""
    return [f.name for f in descriptor.fields if f.is_required]


@dataclass
class _Binder:
    """Fills a message from a tree, and collects problems."""

    source: Source
    lenient: Callable[[str], bool]
    reporter: Reporter = field(default_factory=Reporter)
    extras: dict[FieldPath, list[Field]] = field(default_factory=dict)

    def fill(self, target: Typed, tree: Message, path: FieldPath, place: Place, lenient: bool) -> None:
        """Set the fields of `target`, which stands at `path` and `place`, as the tree says."""
        if isinstance(target, caffe_pb2.LayerParameter):
            lenient = lenient or self.lenient(_layer_type(tree))
        slots, first = _slots(target.DESCRIPTOR), dict[str, Field]()
        for given in tree.fields:
            slot = slots.get(given.name)
            if slot is None:
                self._unknown(target, given, path, lenient)
            elif slot.repeated:
                self._fill_repeated(getattr(target, slot.name), slot, given, path, lenient)
            elif self._is_single(slot, given, first.setdefault(slot.name, given)):
                if slot.descriptor.enum_type and _is_value_of_fork(target, given):
                    self.extras.setdefault(path, []).append(given)
                else:
                    self._fill_single(target, slot, given, path, lenient)
        if missing := [f"`{name}`" for name in _required(target.DESCRIPTOR) if name not in first]:
            self._error("E0206", f"{_owner(target, path)} needs {' and '.join(missing)}", place)

    def kept(self) -> dict[FieldPath, Message]:
        """The unknown fields as trees; a message of parameters that is given twice is an error here too."""
        trees = {path: Message(tuple(fields)) for path, fields in self.extras.items()}
        for tree in trees.values():
            for name, entries in tree.entries.items():
                if name.endswith("_param"):
                    for entry in entries[1:]:
                        self._given_again(entry.field, entries[0].field)
        return trees

    def finish(self, reporter: Reporter | None = None) -> None:
        """Raise what was found, in the order of the text, or hand it to `reporter`."""
        self.reporter.diagnostics.sort(key=lambda d: (d.span.line, d.span.column) if d.span else (0, 0))
        if reporter is None:
            self.reporter.raise_if_errors()
        else:
            reporter.extend(self.reporter.diagnostics)

    def _fill_single(self, target: Typed, slot: _Slot, given: Field, path: FieldPath, lenient: bool) -> None:
        entry = Entry(given, given.values[0])
        if slot.convert:
            if (value := self._value(slot, slot.convert, entry)) is not None:
                setattr(target, slot.name, value)
        elif tree := self._message(slot, entry):
            inner = getattr(target, slot.name)
            inner.SetInParent()
            self.fill(inner, tree, (*path, slot.name), entry.place, lenient)

    def _fill_repeated(self, target: Any, slot: _Slot, given: Field, path: FieldPath, lenient: bool) -> None:
        for value in given.values:
            entry = Entry(given, value)
            if slot.convert:
                if (item := self._value(slot, slot.convert, entry)) is not None:
                    target.append(item)
            else:
                inner = target.add()  # even for a scalar in its place, so that later ones keep their index
                if tree := self._message(slot, entry):
                    self.fill(inner, tree, (*path, slot.name, len(target) - 1), entry.place, lenient)

    def _is_single(self, slot: _Slot, given: Field, first: Field) -> bool:
        """Whether a field that is not repeated may be filled: given once, and not as a list."""
        if given is not first:
            self._given_again(given, first)
        elif given.listed:
            note = f"it takes {takes(slot.descriptor)}, once"
            self._error("E0208", f"`{slot.name}` does not take a list", (given.start, len(given.name)), note)
        return given is first and not given.listed

    def _given_again(self, given: Field, first: Field) -> None:
        note = f"it is given on line {self.source.span(first.start).line} already"
        self._error("E0205", f"`{given.name}` is given again", (given.start, len(given.name)), note)

    def _value(self, slot: _Slot, convert: Callable[[Scalar], Any], entry: Entry) -> Any:
        """The value of a scalar, None if it is not fit for the field."""
        try:
            if isinstance(entry.value, Scalar):
                return convert(entry.value)
            self._error("E0203", f"`{slot.name}` takes {takes(slot.descriptor)}, not a message", entry.place)
        except BadValueError as bad:
            self._bad_value(bad, entry)
        return None

    def _message(self, slot: _Slot, entry: Entry) -> Message | None:
        """The tree of a message, None if a scalar stands in its place."""
        if isinstance(entry.value, Message):
            return entry.value
        wrong = f"`{slot.name}` takes a message, not `{entry.value.raw[:40]}`"
        self._error("E0203", wrong, entry.place, suggestion=f"write `{slot.name} {{ ... }}`")
        return None

    def _unknown(self, target: Typed, given: Field, path: FieldPath, lenient: bool) -> None:
        """A field the schema does not know: kept where the caller is lenient or its meaning is known, else an error."""
        place = (given.start, len(given.name))
        if given.name[0] == "[":
            note = "Caffe's schema has no extensions, and nothing of type Any"
            self._error("E0107", f"`{given.name}` names an extension", place, note)
        elif lenient or is_kept(given.name, target.DESCRIPTOR.name):
            self._check_kept(given)
            self.extras.setdefault(path, []).append(given)
        else:
            hints = _hints(target.DESCRIPTOR, given.name)
            self._error("E0201", f"{_owner(target, path)} has no field `{given.name}`", place, *hints)

    def _check_kept(self, given: Field) -> None:
        """Without a schema a value must at least be readable."""
        for value in given.values:
            if isinstance(value, Message):
                for inner in value.fields:
                    self._check_kept(inner)
                continue
            try:
                plain_value(value)
            except BadValueError as bad:
                self._bad_value(bad, Entry(given, value))

    def _bad_value(self, bad: BadValueError, entry: Entry) -> None:
        start, length = entry.place
        self._error(bad.code, bad.message, (start + bad.offset, bad.length or length), bad.note, bad.suggestion)

    def _error(self, code: str, message: str, place: Place, note: str = "", suggestion: str = "") -> None:
        self.reporter.error(code, message, self.source.span(*place), note, suggestion)
        if len(self.reporter.diagnostics) >= MOST_PROBLEMS:
            self.finish()


def _is_value_of_fork(owner: Typed, given: Field) -> bool:
    """Whether an enum field holds a value that it has in a fork only."""
    value = given.values[0]
    return isinstance(value, Scalar) and is_kept(f"{given.name}={value.raw}", owner.DESCRIPTOR.name)


def _layer_type(tree: Message) -> str:
    """The type that a layer names, as written."""
    entries = tree.entries.get("type", ())
    return next((e.value.raw.strip("\"'") for e in entries if isinstance(e.value, Scalar)), "")


def _owner(target: Typed, path: FieldPath) -> str:
    """How to call a message in a sentence: by the field that holds it, or by its type."""
    names = [str(part) for part in path if isinstance(part, str)]
    return f"`{names[-1]}`" if names else f"a {target.DESCRIPTOR.name}"


@lru_cache(maxsize=MOST_PROBLEMS)
def _hints(descriptor: Descriptor, name: str) -> tuple[str, str]:
    """Where an unknown field may come from (a note), and what may have been meant (a suggestion)."""
    if note := fork_note(name, descriptor.name):
        return note, ""
    owners = [f.name for f in descriptor.fields if f.message_type and name in f.message_type.fields_by_name]
    if owners and len(owners) <= 6:
        return f"it is a field of {', '.join(f'`{o}`' for o in owners)}", ""
    if suggestion := suggest(name, _slots(descriptor)):
        return "", suggestion
    fields = sorted(_slots(descriptor))
    return (f"its fields are {', '.join(fields)}" if len(fields) <= 12 else ""), ""
