"""Fields of forks that no layer rule has read: refused where they may change results, else told of once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from tcaffe.diagnostics import CompileError, Diagnostic, Span
from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.forks import fork_note, without_effect
from tcaffe.frontend.layers import CHECKED_TYPES, LayerView
from tcaffe.frontend.text import Entry, Scalar
from tcaffe.schema import caffe_pb2

MOST_TOLD = 100  # unread fields of one layer, more than anybody reads

_FIELDS = caffe_pb2.LayerParameter.DESCRIPTOR.fields_by_name


@dataclass
class Unread:
    """The foreign fields that the layers of a net do not read, each counted: code and message, first place, note."""

    _found: dict[tuple[str, str], tuple[Span | None, str]] = field(default_factory=dict)
    _times: dict[tuple[str, str], int] = field(default_factory=dict)

    def check(self, p: LayerView) -> None:
        """Note what the rule of a layer has left unread; raises CompileError where that may change what it computes.

        Fields of layer types from outside the catalogue are their own affair: they get no more than a warning.
        """
        refused = []
        for path, entry in islice(p.unread(), MOST_TOLD):
            name, owner = _key(path, entry)
            note = fork_note(name, owner)
            if why := without_effect(name, owner):
                self._count("E0210", f"`{name.replace('=', ': ')}` has no effect: {why}", p.span_at(path), note)
            elif p.kind.name not in CHECKED_TYPES:
                message = f"{p.kind.name} layers do not read `{path[-1]}`"
                self._count("E0211", message, p.span_at(path), note or p.likely(name))
            else:
                message = f"layer `{p.layer.name}`: {p.kind.name} has no field `{path[-1]}`"
                refused.append(Diagnostic("E0201", message, p.span_at(path), note, "" if note else p.likely(name)))
        if refused:
            raise CompileError(refused)

    def warnings(self) -> Iterator[Diagnostic]:
        """A warning for each field, at the first place where it is given."""
        for (code, message), (span, note) in self._found.items():
            times = self._times[code, message]
            notes = [note, f"it is given {times} times" if times > 1 else ""]
            yield Diagnostic(code, message, span, "; ".join(filter(None, notes)), "", "warning")

    def _count(self, code: str, message: str, span: Span | None, note: str) -> None:
        self._found.setdefault((code, message), (span, note))
        self._times[code, message] = self._times.get((code, message), 0) + 1


def _key(path: FieldPath, entry: Entry) -> tuple[str, str]:
    """What the tables of forks call a field, or a value `field=NAME` of an enum of the schema; and its message type."""
    *outer, last = map(str, path)
    message = _FIELDS[outer[0]].message_type if outer and outer[0] in _FIELDS else None
    message = message if outer else caffe_pb2.LayerParameter.DESCRIPTOR
    if message and last in message.fields_by_name and isinstance(entry.value, Scalar):
        last = f"{last}={entry.value.raw}"
    return last, message.name if message else ""
