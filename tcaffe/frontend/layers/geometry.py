"""Windows that slide over an image: how Caffe's fields give their size, step, padding and dilation."""

from __future__ import annotations

from dataclasses import dataclass

from tcaffe.frontend.layers.view import LayerView

Ints = tuple[int, ...]
FIELDS = {"kernel_size": ("kernel_h", "kernel_w"), "stride": ("stride_h", "stride_w"), "pad": ("pad_h", "pad_w")}


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

    def positions(self, image: Ints) -> Ints:
        """How many places the window has on an image."""
        rows = zip(image, self.pad, self.extent, self.stride, strict=True)
        return tuple((n + 2 * p - e) // s + 1 for n, p, e, s in rows)

    def spread(self, image: Ints) -> Ints:
        """The size of the image on which the window has `image` places, as a deconvolution needs it."""
        rows = zip(image, self.pad, self.extent, self.stride, strict=True)
        return tuple(s * (n - 1) + e - 2 * p for n, p, e, s in rows)


def read_window(p: LayerView, spatial: int) -> Window:
    """The window a convolution-like layer asks for on images of `spatial` axes."""
    kernel = _per_axis(p, "kernel_size", spatial, None)
    stride = _per_axis(p, "stride", spatial, 1)
    p.require(min(kernel, default=1) > 0, "kernel_size", "a filter cannot have a size of 0")
    p.require(min(stride, default=1) > 0, "stride", "a stride cannot be 0")
    dilation = _repeated(p, "dilation", spatial, 1)
    p.require(min(dilation, default=1) > 0, "dilation", "a dilation cannot be 0")
    return Window(kernel, stride, _per_axis(p, "pad", spatial, 0), dilation)


def _per_axis(p: LayerView, field: str, spatial: int, default: int | None) -> Ints:
    """A field given once, once per spatial axis, or as its `_h` and `_w` forms."""
    set_apart = [f for f in FIELDS[field] if p.has(f)]
    if not set_apart:
        return _repeated(p, field, spatial, default)
    p.require(not p.has(field), set_apart[0], f"both {field} and {set_apart[0]} are given", "use one of the two forms")
    p.require(spatial == 2, set_apart[0], f"{set_apart[0]} needs 2 spatial axes, here are {spatial}",
              f"give {field} once per axis instead")
    height, width = FIELDS[field]
    return getattr(p, height), getattr(p, width)


def _repeated(p: LayerView, field: str, spatial: int, default: int | None) -> Ints:
    """A repeated field given once or once per spatial axis; `default` where it is not given."""
    given: Ints = getattr(p, field)
    if len(given) == spatial:
        return given
    if not given and default is not None:
        return (default,) * spatial
    p.require(len(given) == 1, field, f"{field} is given {len(given)} times for {spatial} spatial axes",
              f"give {field} once, or once per spatial axis")
    return given * spatial
