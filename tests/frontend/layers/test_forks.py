"""Layers and fields of Caffe's forks, against plain numpy."""

import itertools

import numpy as np
import pytest

from tests.frontend.layers.test_rules import image, run


def layer(kind, fields="", bottoms=("x",)):
    """A layer of a type with the top `y`."""
    named = " ".join(f"bottom: '{b}'" for b in bottoms)
    return f"layer {{ name: 'l' type: '{kind}' {named} top: 'y' {fields} }}"


def pooled(x, size, stride, low, high, ceil, summary):
    """`summary(part, count)` of every window: the part on the image, and how many elements lie on it or its padding."""
    n, c, *image_size = x.shape
    places = []
    for extent, a, b in zip(image_size, low, high, strict=True):
        last = (a + extent + b - size) / stride
        last = int(np.ceil(last) if ceil else np.floor(last))
        clipped = any((*low, *high)) and last * stride >= a + extent
        places.append([(i * stride - a, extent + b) for i in range(last + 1 - clipped)])
    y = np.empty((n, c, *map(len, places)))
    for (i, (top, bottom)), (j, (left, right)) in itertools.product(*map(enumerate, places)):
        part = x[:, :, max(0, top) : top + size, max(0, left) : left + size]
        y[:, :, i, j] = summary(part, (min(top + size, bottom) - top) * (min(left + size, right) - left))
    return y


SUMMARIES = {
    "pool: MAX": lambda part, count: part.max((2, 3)),
    "pool: AVE": lambda part, count: part.sum((2, 3)) / count,
    "pool: AVE_EXC_PAD": lambda part, count: part.mean((2, 3)),
    "pool: AVE avg_include_pad: false": lambda part, count: part.mean((2, 3)),
}


@pytest.mark.parametrize("method", SUMMARIES)
@pytest.mark.parametrize("ceil", [True, False])
@pytest.mark.parametrize("sides", [(0, 0, 0, 0), (1, 1, 1, 1), (0, 1, 0, 1), (1, 0, 2, 0), (0, 0, 2, 1)])
def test_windows_over_padding_that_differs_from_side_to_side(method, ceil, sides):
    x = image(1, 2, 6, 7)
    for size, stride in (3, 1), (3, 2), (4, 3):
        padding = " ".join(f"pad_{side}: {n}" for side, n in zip("tblr", sides, strict=True))
        fields = f"{method} kernel_size: {size} stride: {stride} ceil_mode: {str(ceil).lower()} {padding}"
        top, bottom, left, right = sides
        wanted = pooled(x, size, stride, (top, left), (bottom, right), ceil, SUMMARIES[method])
        found = run(layer("Pooling", f"pooling_param {{ {fields} }}"), x=x)["y"]
        np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_a_global_mean_takes_the_fields_of_forks():
    x = image(1, 2, 3, 4)
    fields = "pooling_param { pool: AVE_EXC_PAD global_pooling: true ceil_mode: false pad_l: 0 pad_r: 0 }"
    np.testing.assert_allclose(run(layer("Pooling", fields), x=x)["y"], x.mean((2, 3), keepdims=True))


def test_places_of_maxima_over_uneven_padding():
    fields = "pooling_param { kernel_size: 2 stride: 2 pad_t: 1 pad_l: 1 }"
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    found = run(layer("Pooling", fields).replace("top: 'y'", "top: 'y' top: 'where'"), x=x)
    assert found["where"].tolist() == [[[[0, 2], [6, 8]]]] == found["y"].tolist()


@pytest.mark.parametrize("kind", ["Convolution", "Im2col"])
@pytest.mark.parametrize("sides", [(0, 1, 0, 1), (2, 0, 1, 3), (1, 1, 1, 1)])
def test_uneven_padding_is_padding_before_the_layer(kind, sides):
    top, bottom, left, right = sides
    x, w = image(2, 3, 5, 6), [image(4, 3, 3, 3, seed=1)] if kind == "Convolution" else []
    fields = "convolution_param {{ num_output: 4 bias_term: false kernel_size: 3 stride: 2 {} }}"
    padding = f"pad_t: {top} pad_b: {bottom} pad_l: {left} pad_r: {right}"
    found = run(layer(kind, fields.format(padding)), parameters=w, x=x)["y"]
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    np.testing.assert_allclose(found, run(layer(kind, fields.format("")), parameters=w, x=padded)["y"], atol=1e-12)


def test_uneven_padding_is_cut_off_a_deconvolution():
    x, w = image(2, 3, 4, 5), [image(3, 4, 3, 3, seed=1), image(4, seed=2)]
    fields = "convolution_param {{ num_output: 4 kernel_size: 3 stride: 2 {} }}"
    found = run(layer("Deconvolution", fields.format("pad_t: 1 pad_b: 0 pad_l: 2 pad_r: 1")), parameters=w, x=x)["y"]
    whole = run(layer("Deconvolution", fields.format("")), parameters=w, x=x)["y"]
    np.testing.assert_allclose(found, whole[:, :, 1:, 2:-1], atol=1e-12)


def same(kind, forks, plain, **inputs):
    """Whether fields of a fork say what Caffe's own fields say, for a convolution of 8 filters."""
    fields = "convolution_param {{ num_output: 8 kernel_size: 3 {} }}"
    w = [image(8, 8 if "group" not in plain else 1, 3, 3, seed=1), image(8, seed=2)]
    found = run(layer(kind, fields.format(forks)), parameters=w, **inputs)["y"]
    wanted = run(layer("Convolution", fields.format(plain)), parameters=w, **inputs)["y"]
    return np.array_equal(found, wanted)


def test_hole_is_dilation():
    assert same("Convolution", "hole: 2", "dilation: 2", x=image(1, 8, 7, 7))


@pytest.mark.parametrize("kind", ["ConvolutionDepthwise", "DepthwiseConvolution"])
@pytest.mark.parametrize("group", ["", "group: 8"])
def test_depthwise_convolutions_have_a_group_for_each_channel(kind, group):
    assert same(kind, group, "group: 8", x=image(1, 8, 5, 5))


@pytest.mark.parametrize(("fields", "slope"), [("", 0), ("relu_param { negative_slope: 0.5 }", 0.5)])
def test_a_convolution_with_the_rectifier_in_it(fields, slope):
    w = [image(4, 3, 1, 1, seed=1), image(4, seed=2)]
    fused = f"convolution_param {{ num_output: 4 kernel_size: 1 fuse_type: FUSED_CONV_RELU {fields} }}"
    apart = fused.replace("FUSED_CONV_RELU", "UNFUSED")
    y = run(layer("Convolution", apart), parameters=w, x=image(2, 3, 4, 4))["y"]
    found = run(layer("Convolution", fused), parameters=w, x=image(2, 3, 4, 4))["y"]
    np.testing.assert_allclose(found, np.where(y > 0, y, slope * y))


@pytest.mark.parametrize("made", [layer("ReLU6"), layer("ReLU", "relu_param { relu6: true }")])
def test_rectified_up_to_six(made):
    assert run(made, x=np.array([-1.0, 3, 6, 9]))["y"].tolist() == [0, 3, 6, 6]


def test_a_rectifier_without_its_limit():
    assert run(layer("ReLU", "relu_param { relu6: false }"), x=np.array([-1.0, 9]))["y"].tolist() == [0, 9]


@pytest.mark.parametrize(
    ("order", "axes"),
    [("order: 0 order: 2 order: 3 order: 1", (0, 2, 3, 1)), ("order: [3]", (3, 0, 1, 2)), ("", range(4))],
)
def test_permute(order, axes):
    x = image(2, 3, 4, 5)
    assert np.array_equal(run(layer("Permute", f"permute_param {{ {order} }}"), x=x)["y"], x.transpose(*axes))


@pytest.mark.parametrize(
    ("axes", "shape"), [("axis: 1 axis: -1", (2, 3, 1)), ("", (2, 3)), ("axis: [3]", (2, 1, 3, 1))]
)
def test_squeeze(axes, shape):
    x = image(2, 1, 3, 1, 1)
    found = run(layer("Squeeze", f"squeeze_param {{ {axes} }}"), x=x)["y"]
    assert found.shape == shape and np.array_equal(found.ravel(), x.ravel())


def test_shuffled_channels():
    x = np.arange(12.0).reshape(2, 6)
    found = run(layer("ShuffleChannel", "shuffle_channel_param { group: 2 }"), x=x)["y"]
    assert found.tolist() == [[0, 3, 1, 4, 2, 5], [6, 9, 7, 10, 8, 11]]


@pytest.mark.parametrize("shape", [(2, 3, 1, 1), (2, 3)])
def test_axpy(shape):
    a, x, y0 = image(*shape), image(2, 3, 4, 5, seed=1), image(2, 3, 4, 5, seed=2)
    found = run(layer("Axpy", bottoms=("a", "x", "y0")), a=a, x=x, y0=y0)["y"]
    np.testing.assert_allclose(found, a.reshape(2, 3, 1, 1) * x + y0)


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_normalize(across, shared):
    x, scale = image(2, 3, 4, 5), image(*(() if shared else (3,)), seed=1)
    flags = f"across_spatial: {str(across).lower()} channel_shared: {str(shared).lower()}"
    fields = f"norm_param {{ {flags} eps: 0.01 scale_filler {{ type: 'constant' value: 20 }} }}"
    found = run(layer("Normalize", fields), parameters=[scale], x=x)["y"]
    length = np.sqrt((x**2).sum((1, 2, 3) if across else 1, keepdims=True) + 0.01)
    np.testing.assert_allclose(found, x / length * np.reshape(scale, (-1, 1, 1)))


def test_joined_by_places():
    x, z = image(2, 3, 4, 5), image(2, 6, 1, 2, seed=1)
    found = run(layer("Concat", "concat_param { axis: 1 per_fla_fuse: true }", ("x", "z")), x=x, z=z)["y"]
    flat = [a.transpose(0, 2, 3, 1).reshape(2, -1) for a in (x, z)]
    assert np.array_equal(found, np.concatenate(flat, 1)[..., None, None])
