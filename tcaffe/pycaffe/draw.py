"""Pictures of nets: layers as boxes, blobs as octagons, drawn by Graphviz.

The text of a picture, in the dot language, needs pydot alone; images need the program `dot` too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from tcaffe.frontend.upgrade import upgrade_net
from tcaffe.schema.caffe_pb2 import LayerParameter, NetParameter, PoolingParameter

File = str | os.PathLike[str]

TEXT = ("raw", "dot", "gv")  # formats that are the text itself
BLOB = {"shape": "octagon", "fillcolor": '"#E0E0E0"', "style": "filled"}
LAYER = {"shape": "record", "style": "filled"}
COLOURS = {
    "Convolution": "#FF5050",
    "Deconvolution": "#FF5050",
    "Pooling": "#FF9900",
    "InnerProduct": "#CC33FF",
}
OTHER_COLOUR, IN_PLACE_COLOUR = "#6495ED", "#90EE90"
CONVOLUTIONS = ("Convolution", "Deconvolution")
SIZES = (("kernel size", "kernel", "kernel_size", 1), ("stride", "stride", "stride", 1), ("pad", "pad", "pad", 0))
RECORD = '"\\{}|<>'  # what has a meaning of its own in the label of a record


def get_pydot_graph(
    net_param: NetParameter, rankdir: str, label_edges: bool = True, phase: int | None = None, display_lrm: bool = False
) -> Any:
    """The picture of a net as a pydot.Dot, its layers along `rankdir`: LR, TB, BT or RL.

    With `label_edges` the arrows from layers say how many items or channels they carry; with a `phase` the layers are
    left out that do not run in it; `display_lrm` shows by how much the learning rates of weights and biases are
    multiplied. Raises ImportError without pydot, ValueError for a layer with include and exclude rules, CompileError
    for a net of an old format that cannot be upgraded.
    """
    library = _pydot()
    layers = [layer for layer in _current(net_param).layer if phase is None or _runs(layer, phase)]
    graph = library.Dot(_quoted(net_param.name or "Net"), graph_type="digraph", rankdir=rankdir)
    for blob in dict.fromkeys(blob for layer in layers for blob in (*layer.bottom, *layer.top)):
        graph.add_node(library.Node(_blob_id(blob), label=_quoted(blob), **BLOB))
    separator = " " if rankdir in ("TB", "BT") else "\n"  # boxes side by side may be high, those in a column wide
    for node, layer in {_id(layer): layer for layer in layers}.items():
        label = _quoted(separator.join(_lines(layer, display_lrm)), RECORD)
        graph.add_node(library.Node(node, label=label, fillcolor=_quoted(_colour(layer)), **LAYER))
    for layer in layers:
        carried = _quoted(_carried(layer) if label_edges else "")
        for blob in layer.bottom:
            graph.add_edge(library.Edge(_blob_id(blob), _id(layer), label='""'))
        for blob in layer.top:
            graph.add_edge(library.Edge(_id(layer), _blob_id(blob), label=carried))
    return graph


def draw_net(
    net_param: NetParameter, rankdir: str, ext: str = "png", phase: int | None = None, display_lrm: bool = False
) -> bytes:
    """The picture of a net in the format `ext`: text for raw, dot and gv, else whatever Graphviz has; see above.

    Raises FileNotFoundError where Graphviz is needed and not there, ValueError for a format that it does not have.
    """
    graph = get_pydot_graph(net_param, rankdir, phase=phase, display_lrm=display_lrm)
    if ext in TEXT:
        text: str = graph.to_string()
        return text.encode()
    try:
        picture: bytes = graph.create(format=ext, encoding="utf-8")
    except FileNotFoundError as error:
        note = f"for the text of the picture, which needs no program, write to a file that ends in .{TEXT[0]}"
        raise FileNotFoundError(f"drawing as {ext} needs Graphviz: apt install graphviz; {note}") from error
    except AssertionError as error:
        raise ValueError(f"Graphviz cannot draw the net as {ext!r}: {error}") from error
    return picture


def draw_net_to_file(
    net_param: NetParameter, filename: File, rankdir: str = "LR", phase: int | None = None, display_lrm: bool = False
) -> None:
    """Write the picture of a net in the format that the end of the file's name says; see `draw_net`."""
    ext = Path(filename).suffix.removeprefix(".")
    if not ext:
        raise ValueError(f"the end of {os.fspath(filename)!r} says no format: call it .png, .svg, .pdf or .{TEXT[0]}")
    picture = draw_net(net_param, rankdir, ext, phase, display_lrm)
    Path(filename).write_bytes(picture)


def _pydot() -> ModuleType:
    """The optional library, loaded when the first net is drawn."""
    try:
        import pydot
    except ImportError as error:
        raise ImportError("drawing nets needs pydot: pip install 'tcaffe[draw]'") from error
    module: ModuleType = pydot
    return module


def _current(net: NetParameter) -> NetParameter:
    """The net, if its layers are of an old format as those of today."""
    return upgrade_net(net).net if net.layers else net


def _runs(layer: LayerParameter, phase: int) -> bool:
    """Whether the rules of a layer, as far as they are about phases, let it run in `phase`."""
    if layer.include and layer.exclude:
        raise ValueError(f"layer {layer.name!r} has both include and exclude rules")
    if layer.include:
        return any(not rule.HasField("phase") or rule.phase == phase for rule in layer.include)
    return not any(rule.HasField("phase") and rule.phase == phase for rule in layer.exclude)


# ── what is written where ───────────────────────────────────────────────────────────────────────────────


def _lines(layer: LayerParameter, rates: bool) -> Iterator[str]:
    """What a layer's box says of it."""
    yield layer.name
    if layer.type == "Pooling":
        yield f"(Pooling {PoolingParameter.PoolMethod.Name(layer.pooling_param.pool)})"
        yield from ["global"] if layer.pooling_param.global_pooling else _window(layer.pooling_param)
    else:
        yield f"({layer.type})"
        yield from _window(layer.convolution_param) if layer.type in CONVOLUTIONS else ()
    if rates and layer.type in (*CONVOLUTIONS, "InnerProduct"):
        weights, bias, *_ = [*(param.lr_mult for param in layer.param), 1, 1]
        yield f"lr mult: {weights:g}, {bias:g}"


def _window(p: Any) -> Iterator[str]:
    """The sizes of a window, by height and width or by axis where they are given so."""
    for title, stem, field, default in SIZES:
        height, width = f"{stem}_h", f"{stem}_w"
        if p.HasField(height) or p.HasField(width):
            numbers = [getattr(p, height), getattr(p, width)]
        else:
            given = getattr(p, field)
            numbers = [given] if isinstance(given, int) else [*given] or [default]
        yield f"{title}: {'x'.join(map(str, numbers))}"


def _colour(layer: LayerParameter) -> str:
    in_place = bool(layer.top) and list(layer.top) == list(layer.bottom)
    return IN_PLACE_COLOUR if in_place else COLOURS.get(layer.type, OTHER_COLOUR)


def _carried(layer: LayerParameter) -> str:
    """What the arrows from a layer say: the items of a batch, or the number of channels."""
    if layer.type == "Data":
        return f"Batch {layer.data_param.batch_size}"
    if layer.type in CONVOLUTIONS:
        return str(layer.convolution_param.num_output)
    return str(layer.inner_product_param.num_output) if layer.type == "InnerProduct" else ""


def _id(layer: LayerParameter) -> str:
    return _quoted(f"{layer.name}_{layer.type}")


def _blob_id(blob: str) -> str:
    return _quoted(f"{blob}_blob")


def _quoted(text: str, special: str = '"\\') -> str:
    """A string of the dot language that means just `text`: names may come from anybody's file."""
    return f'"{"".join(_escaped(char, special) for char in text)}"'


def _escaped(char: str, special: str) -> str:
    if char in special:
        return f"\\{char}"
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
