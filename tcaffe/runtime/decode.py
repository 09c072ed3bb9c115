"""Reads a manifest from JSON that may come from anybody: every field is checked before it is used."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from tcaffe.ir.program import Launch
from tcaffe.runtime.manifest import ALIGNMENT, FORMAT, ITEM_BYTES, Call, Manifest, Parameter, View, nbytes

MAX_BYTES = 1 << 42  # of an arena or of one array: far above any machine, far below overflow
MAX_RANK = 32
MAX_WORKERS = 1024
MAX_PROGRAMS = 2**31 - 1  # of a grid
MAX_BLOCK = 1 << 20  # elements of a Triton block
FUNCTION = re.compile(r"[a-z_][a-z0-9_]{0,199}")


class ManifestError(Exception):
    """A manifest is not what the format asks for; the message says where."""


def parse_manifest(text: str) -> Manifest:
    """The manifest that `text` holds; raises ManifestError for anything that could not be run safely."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"not JSON: {error}") from error
    if isinstance(data, dict) and data.get("format") != FORMAT:
        raise ManifestError(f"format {str(data.get('format'))[:20]} where this version reads {FORMAT}")
    manifest: Manifest = _decode(Manifest, data, "manifest")
    for complaint in _complaints(manifest):
        raise ManifestError(complaint)
    return manifest


def _decode(kind: Any, value: Any, where: str) -> Any:
    """`value` (from JSON) as a `kind`: int, str, tuple[X, ...], dict[str, X] or a dataclass of such fields."""
    if is_dataclass(kind):
        return _decode_fields(kind, value, where)
    if get_origin(kind) is tuple:
        _expect(isinstance(value, list), where, "a list")
        return tuple(_decode(get_args(kind)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if get_origin(kind) is dict:
        _expect(isinstance(value, dict), where, "an object")
        return {key: _decode(get_args(kind)[1], item, f"{where}.{key[:80]}") for key, item in value.items()}
    _expect(type(value) is kind, where, {int: "an integer", str: "a string"}[kind])
    return value


def _decode_fields(kind: Any, value: Any, where: str) -> Any:
    _expect(isinstance(value, dict), where, "an object")
    kinds = get_type_hints(kind)
    needed = {f.name for f in fields(kind) if f.default is MISSING}
    for name in sorted(value.keys() - kinds.keys()):
        raise ManifestError(f"{where} has an unknown field `{name[:80]}`")
    for name in sorted(needed - value.keys()):
        raise ManifestError(f"{where} has no `{name}`")
    return kind(**{name: _decode(kinds[name], item, f"{where}.{name}") for name, item in value.items()})


def _expect(ok: bool, where: str, what: str) -> None:
    if not ok:
        raise ManifestError(f"{where} is not {what}")


def _complaints(m: Manifest) -> Iterator[str]:
    """What is wrong with a manifest whose fields have the right types."""
    if not 0 <= m.plan.size <= MAX_BYTES:
        yield f"an arena of {m.plan.size} bytes"
    if not 1 <= m.workers <= MAX_WORKERS:
        yield f"{m.workers} workers"
    sizes = {p.name: nbytes(p) for p in m.params if p.dtype in ITEM_BYTES}
    for view in m.views:
        yield from _about_view(view, sizes.get(view.param, 0) if view.param else m.plan.size)
    yield from (c for parameter in m.params for c in _about_parameter(parameter))
    yield from _about_names(m)


def _about_view(view: View, room: int) -> Iterator[str]:
    yield from _about_array(view)
    item = ITEM_BYTES[view.dtype]
    if len(view.strides) != len(view.shape):
        yield f"{len(view.shape)} axes and {len(view.strides)} strides in view {view.name!r}"
    if any(s < 0 or s > MAX_BYTES or s % item for s in view.strides) or view.offset < 0 or view.offset % item:
        yield f"strides or an offset out of range in view {view.name!r}"
    if view.offset + _extent(view) > room:
        where = f"parameter {view.param!r}" if view.param else "the arena"
        yield f"view {view.name!r} reaches beyond {where} of {room} bytes"


def _extent(view: View) -> int:
    """Bytes from a view's first element to the end of its last."""
    if 0 in view.shape:
        return 0
    return sum((n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)) + ITEM_BYTES[view.dtype]


def _about_parameter(parameter: Parameter) -> Iterator[str]:
    yield from _about_array(parameter)
    if not 0 <= parameter.offset <= MAX_BYTES or parameter.offset % ALIGNMENT:
        yield f"an offset out of range in parameter {parameter.name!r}"


def _about_array(array: View | Parameter) -> Iterator[str]:
    if array.dtype not in ITEM_BYTES:
        yield f"element type {array.dtype[:20]!r} of {array.name!r} is none of {', '.join(ITEM_BYTES)}"
    if len(array.shape) > MAX_RANK or any(not 0 <= n <= MAX_BYTES for n in array.shape):
        yield f"the shape of {array.name!r} is out of range"
    if math.prod(max(n, 1) for n in array.shape) > MAX_BYTES // 8:
        yield f"{array.name!r} has too many elements"


def _about_names(m: Manifest) -> Iterator[str]:
    views, params = {v.name for v in m.views}, {p.name for p in m.params}
    yield from (f"{name!r} is defined twice" for name in _repeated(v.name for v in m.views))
    yield from (f"parameter {name!r} is defined twice" for name in _repeated(p.name for p in m.params))
    yield from (f"{name!r} is an input twice" for name in _repeated(m.inputs))
    yield from (f"there is no view {name!r}" for name in (*m.inputs, *m.outputs.values()) if name not in views)
    for call in m.calls:
        yield from _about_call(call, views, params)


def _about_call(call: Call, views: set[str], params: set[str]) -> Iterator[str]:
    if not FUNCTION.fullmatch(call.function):
        yield f"{call.function[:80]!r} is not the name of a kernel"
    yield from (f"there is no view {name!r}" for name in call.views if name not in views)
    yield from (f"there is no parameter {name!r}" for name in call.params if name not in params)
    for launch in call.launches:
        yield from _about_launch(launch, views | params)


def _about_launch(launch: Launch, known: set[str]) -> Iterator[str]:
    if not FUNCTION.fullmatch(launch.function):
        yield f"{launch.function[:80]!r} is not the name of a kernel"
    yield from (f"there is nothing called {name!r}" for name in launch.pointers if name not in known)
    if not 0 <= launch.programs <= MAX_PROGRAMS or not 1 <= launch.warps <= 32 or not 1 <= launch.stages <= 16:
        yield f"programs, warps or stages out of range in a launch of {launch.function}"
    if any(not 0 < size <= MAX_BLOCK for size in launch.constants.values()):
        yield f"a block size out of range in a launch of {launch.function}"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
