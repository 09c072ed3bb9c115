"""Windows that slide over an image: how Caffe's fields give their size, step, padding and dilation."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.frontend.layers.view import LayerView

Ints = tuple[int, ...]
APART = {"kernel_size": ("kernel_h", "kernel_w"), "stride": ("stride_h", "stride_w"), "pad": ("pad_h", "pad_w")}


@dataclass(frozen=True, slots=True)
class Window:
    """The sliding window of a convolution; one number per spatial axis."""

    kernel: Ints
    stride: Ints
    pad: Ints
    dilation: Ints

    @property
    def extent(self) -> Ints:
        """What the window spans, holes of the dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def padded(self, image: Ints) -> Ints:
        """The size of an image with its padding on both sides."""
        return tuple(n + 2 * p for n, p in zip(image, self.pad, strict=True))

    def positions(self, image: Ints) -> Ints:
        """How many places the window has on an image; none or fewer where it does not fit."""
        rows = zip(self.padded(image), self.extent, self.stride, strict=True)
        return tuple((n - e) // s + 1 for n, e, s in rows)

    def spread(self, image: Ints) -> Ints:
        """The size of the image on which the window has `image` places, as a deconvolution needs it."""
        rows = zip(image, self.pad, self.extent, self.stride, strict=True)
        return tuple(s * (n - 1) + e - 2 * p for n, p, e, s in rows)


def read_window(p: LayerView, spatial: int) -> Window:
    """The window a convolution-like layer asks for on images of `spatial` axes."""
    window = Window(
        kernel=_per_axis(p, "kernel_size", spatial, None),
        stride=_per_axis(p, "stride", spatial, 1),
        pad=_per_axis(p, "pad", spatial, 0),
        dilation=_repeated(p, "dilation", spatial, 1),
    )
    for field, values in ("kernel_size", window.kernel), ("stride", window.stride), ("dilation", window.dilation):
        p.require(min(values, default=1) > 0, field, f"{field} must be at least 1, not 0")
    return window


def places(p: LayerView, window: Window, shape: Ints, axis: int) -> Ints:
    """How many places the window has along each axis behind the channel axis; refuses the layer where it has none."""
    image = shape[axis + 1 :]
    out = window.positions(image)
    size = f"a window of {list(window.extent)} does not fit into an image of {list(image)}"
    p.require(min(out, default=1) > 0, "kernel_size", f"{size} padded by {list(window.pad)}")
    p.sized((*shape[: axis + 1], *window.padded(image)))
    return out


def read_pair(p: LayerView, field: str) -> Ints:
    """A field of an image layer as two numbers: from its one form, or from its `_h` and `_w` forms."""
    height, width = APART[field]
    apart = [f for f in (height, width) if p.has(f)]
    if not apart:
        return (getattr(p, field),) * 2
    clear = len(apart) == 2 and not p.has(field)
    p.require(clear, apart[0], f"the {field} is not clear", f"give either {field}, or both {height} and {width}")
    return getattr(p, height), getattr(p, width)


def _per_axis(p: LayerView, field: str, spatial: int, default: int | None) -> Ints:
    """A field given once, once per spatial axis, or as its `_h` and `_w` forms."""
    apart = [f for f in APART[field] if p.has(f)]
    if not apart:
        return _repeated(p, field, spatial, default)
    p.require(not p.has(field), apart[0], f"both {field} and {apart[0]} are given", "use one of the two forms")
    note = f"give {field} once per axis instead"
    p.require(spatial == 2, apart[0], f"{apart[0]} is for 2 spatial axes, here are {spatial}", note)
    height, width = APART[field]
    return getattr(p, height), getattr(p, width)


def _repeated(p: LayerView, field: str, spatial: int, default: int | None) -> Ints:
    """A repeated field given once or once per spatial axis; `default` where it is not given."""
    given: Ints = getattr(p, field)
    if len(given) == spatial:
        return given
    if not given and default is not None:
        return (default,) * spatial
    message = f"{field} is given {len(given)} times for {spatial} spatial axes"
    p.require(len(given) == 1, field, message, f"give {field} once, or once per spatial axis")
    return given * spatial
