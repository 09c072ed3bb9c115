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
    low: Ints  # padding before the image
    high: Ints  # and after it
    dilation: Ints

    @property
    def extent(self) -> Ints:
        """What the window spans, holes of the dilation included."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def padded(self, image: Ints) -> Ints:
        """The size of an image with its padding on both sides."""
        return tuple(a + n + b for a, n, b in zip(self.low, image, self.high, strict=True))

    def positions(self, image: Ints) -> Ints:
        """How many places the window has on an image; none or fewer where it does not fit."""
        rows = zip(self.padded(image), self.extent, self.stride, strict=True)
        return tuple((n - e) // s + 1 for n, e, s in rows)

    def spread(self, image: Ints) -> Ints:
        """The size of the image on which the window has `image` places, as a deconvolution needs it."""
        rows = zip(image, self.low, self.high, self.extent, self.stride, strict=True)
        return tuple(s * (n - 1) + e - a - b for n, a, b, e, s in rows)


def read_window(p: LayerView, spatial: int) -> Window:
    """The window a convolution-like layer asks for on images of `spatial` axes."""
    sides = read_sides(p, refusal="" if spatial == 2 else f"it is for 2 spatial axes, not {spatial}")
    low, high = sides or (_per_axis(p, "pad", spatial, 0),) * 2
    window = Window(
        kernel=_per_axis(p, "kernel_size", spatial, None),
        stride=_per_axis(p, "stride", spatial, 1),
        low=low,
        high=high,
        dilation=_dilation(p, spatial),
    )
    for field, values in ("kernel_size", window.kernel), ("stride", window.stride), ("dilation", window.dilation):
        p.require(min(values, default=1) > 0, field, f"{field} must be at least 1, not 0")
    return window


def places(p: LayerView, window: Window, shape: Ints, axis: int) -> Ints:
    """How many places the window has along each axis behind the channel axis; refuses the layer where it has none."""
    image = shape[axis + 1 :]
    out = window.positions(image)
    size = f"a window of {list(window.extent)} does not fit into an image of {list(image)}"
    padding = f"{list(window.low)}" + ("" if window.low == window.high else f" before and {list(window.high)} after")
    p.require(min(out, default=1) > 0, "kernel_size", f"{size} padded by {padding}")
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


def read_sides(p: LayerView, refusal: str = "") -> tuple[Ints, Ints] | None:
    """The padding at (top, left) and at (bottom, right), where the Synopsys fork's fields for each side ask for any.

    With a `refusal`, which says why there can be none, that is an error.
    """
    sides = {field: _side(p, field) for field in ("pad_t", "pad_l", "pad_b", "pad_r")}
    given = next((field for field, size in sides.items() if size), "")
    if not given:
        return None
    p.require(not refusal, given, f"{given} is {sides[given]}, but {refusal}")
    for field in ("pad", *APART["pad"]):
        p.require(not p.has(field), field, f"both {field} and {given} are given", "use one of the two forms")
    return (sides["pad_t"], sides["pad_l"]), (sides["pad_b"], sides["pad_r"])


def _side(p: LayerView, field: str) -> int:
    """The padding at one side of the image, 0 where it is not given."""
    size = p.foreign(field, 0)
    p.require(size >= 0, field, f"{field} is {size}", "it is a size")
    return size


def _dilation(p: LayerView, spatial: int) -> Ints:
    """The distance of the window's elements along each axis; `hole` is its name in old nets of DeepLab."""
    hole = p.foreign("hole", 1)
    p.require(hole > 0, "hole", f"hole must be at least 1, not {hole}")
    p.require(hole == 1 or not p.dilation, "hole", "both hole and dilation are given", "they are the same")
    return (hole,) * spatial if hole > 1 else _repeated(p, "dilation", spatial, 1)


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
