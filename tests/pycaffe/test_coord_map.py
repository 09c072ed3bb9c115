"""Maps of coordinates say where the numbers of a net really come from and go to."""

import math

import numpy as np
import pytest

from tcaffe import pycaffe as caffe
from tcaffe.pycaffe import net_spec
from tcaffe.pycaffe.coord_map import (
    AxisMismatchException,
    UndefinedMapException,
    compose,
    coord_map,
    coord_map_from_to,
    crop,
    inverse,
)
from tcaffe.pycaffe.net_spec import NetSpec

L, P = net_spec.layers, net_spec.params


def image(*size):
    return L.Input(shape={"dim": [1, 1, *(size or (100, 100))]})


def net_of(tmp_path, top):
    """The net that computes `top`, all its weights 1, with the gradients of its inputs."""
    path, message = tmp_path / "net.prototxt", top.to_proto()
    message.force_backward = True
    path.write_text(str(message))
    net = caffe.Net(str(path), caffe.TEST)
    for blobs in net.params.values():
        blobs[0].data[...] = 1
    return net


def middle(array):
    """Where the elements of an image lie that are not 0, on average, by axis."""
    return [np.mean(axis) for axis in np.nonzero(array[0, 0])]


WINDOWS = [
    {"kernel_size": 1},
    {"kernel_size": 3, "pad": 1},
    {"kernel_size": 4, "stride": 2},
    {"kernel_size": 5, "stride": 3, "pad": 2},
    {"kernel_size": [3, 5], "stride": [1, 2], "pad": [0, 4]},
    {"kernel_size": 3, "dilation": 2, "pad": 3},
]


def conv(x, window):
    return L.Convolution(x, num_output=1, bias_term=False, **window)


def pool(x, window):
    return L.Pooling(x, pool=P.Pooling.AVE, **window)


def im2col(x, window):
    return L.Im2col(x, convolution_param=window)


def deconv(x, window):
    return L.Deconvolution(x, convolution_param={"num_output": 1, "bias_term": False, **window})


IN_POOLS = [w for w in WINDOWS if not any(isinstance(n, list) for n in w.values()) and "dilation" not in w]
SHRINKING = [(conv, w) for w in WINDOWS] + [(pool, w) for w in IN_POOLS] + [(im2col, w) for w in WINDOWS]


@pytest.mark.parametrize(("layer", "window"), SHRINKING)
def test_an_element_of_a_top_lies_in_the_middle_of_what_it_is_computed_from(tmp_path, layer, window):
    x = image(30, 31)
    y = layer(x, window)
    net = net_of(tmp_path, y)
    net.forward()
    (bottom, top), place = net.blobs.values(), (4, 5)
    top.diff[...] = 0
    top.diff[:, :, *place] = 1
    net.backward()
    _, scale, shift = coord_map(y.fn)
    np.testing.assert_allclose(scale * middle(bottom.diff) + shift, place)


@pytest.mark.parametrize("window", WINDOWS)
def test_an_element_of_a_bottom_lies_in_the_middle_of_what_a_deconvolution_makes_of_it(tmp_path, window):
    y = deconv(image(12, 13), window)
    net = net_of(tmp_path, y)
    data = np.zeros((1, 1, 12, 13), np.float32)
    data[:, :, 5, 6] = 1
    (out,) = net.forward(Input1=data).values()
    axis, scale, shift = coord_map(y.fn)
    assert axis == 1
    np.testing.assert_allclose(scale * np.array([5, 6]) + shift, middle(out))


@pytest.mark.parametrize("window", WINDOWS)
def test_a_deconvolution_undoes_the_map_of_a_convolution(window):
    _, scale, shift = compose(coord_map(conv(image(), window).fn), coord_map(deconv(image(), window).fn))
    np.testing.assert_allclose((scale, shift), (np.ones_like(scale), np.zeros_like(shift)), atol=1e-12)


def test_the_formulas():
    x = image()
    assert coord_map(conv(x, {"kernel_size": 5, "stride": 2, "pad": 1}).fn) == (1, 1 / 2, (1 - 2) / 2)
    assert coord_map(pool(x, {"kernel_size": 2, "stride": 2}).fn) == (1, 1 / 2, -1 / 4)
    assert coord_map(deconv(x, {"kernel_size": 4, "stride": 2, "pad": 1}).fn) == (1, 2, 3 / 2 - 1)
    assert coord_map(conv(x, {"kernel_size": 3, "axis": 2}).fn)[0] == 2
    assert coord_map(L.Crop(x, x).fn) == (1, 1, 0)
    axis, scale, shift = coord_map(L.Crop(x, x, axis=3, offset=[2, 5]).fn)
    assert (axis, scale, list(shift)) == (2, 1, [-2, -5])
    assert coord_map(L.Crop(x, x, crop_param={"offset": 4}).fn) == (1, 1, -4)
    whole = {"num_output": 1, "kernel_size": 4, "stride": 2}
    assert coord_map(L.Convolution(x, convolution_param=whole).fn) == (1, 1 / 2, -3 / 4)
    assert coord_map(L.Deconvolution(x, **whole).fn) == (1, 2, 3 / 2)  # a spec that is not written need not be right


def test_layers_that_move_nothing_and_layers_that_mix_everything():
    for kind in ("AbsVal", "BatchNorm", "Bias", "BNLL", "Dropout", "Eltwise", "ELU", "Exp", "Log", "LRN", "MVN",
                 "Power", "PReLU", "ReLU", "Scale", "Sigmoid", "Split", "TanH", "Threshold"):  # fmt: skip
        assert coord_map(getattr(L, kind)(image()).fn) == (None, 1, 0)
    for top in (L.InnerProduct(image()), L.Flatten(image()), L.Pooling(image(), global_pooling=True), L.Concat()):
        with pytest.raises(UndefinedMapException):
            coord_map(top.fn)


def test_sizes_by_height_and_width_are_refused():
    for field in ("kernel_h", "kernel_w", "stride_h", "stride_w", "pad_h", "pad_w"):
        with pytest.raises(AssertionError, match=f"Convolution has {field}"):
            coord_map(conv(image(), {"kernel_size": 3, field: 2}).fn)
    with pytest.raises(AssertionError, match="Pooling has kernel_h, kernel_w"):
        coord_map(L.Pooling(image(), pooling_param={"kernel_h": 2, "kernel_w": 2}).fn)


def test_composition_and_inverse():
    a, b = (1, 2, 3), (1, 5, 7)
    assert compose(a, b) == (1, 10, 17)
    assert compose(a, (None, 1, 4)) == (1, 2, 11)
    assert compose((None, 1, 4), a) == (1, 2, 7)
    assert inverse(a) == (1, 1 / 2, -3 / 2)
    assert compose(a, inverse(a)) == (1, 1, 0)
    with pytest.raises(AxisMismatchException):
        compose(a, (2, 5, 7))


def test_from_one_branch_to_another_by_way_of_what_they_share():
    x = image()
    trunk = conv(x, {"kernel_size": 3, "pad": 1})
    left = pool(L.ReLU(trunk, in_place=True), {"kernel_size": 2, "stride": 2})
    right = conv(trunk, {"kernel_size": 5})
    assert coord_map_from_to(left, right) == (1, 2, 1 / 2 - 2)
    assert coord_map_from_to(right, left) == (1, 1 / 2, -(1 / 2 - 2) / 2)
    assert coord_map_from_to(left, left) == (None, 1, 0)
    assert coord_map_from_to(L.Eltwise(right, L.TanH(right)), x) == (1, 1, 2)


def test_each_axis_has_its_own_numbers():
    x = L.Input(shape={"dim": [1, 1, 9, 9, 9]})
    y = conv(x, {"kernel_size": [3, 3, 3], "stride": [1, 2, 3], "pad": [0, 1, 2]})
    axis, scale, shift = coord_map_from_to(y, x)
    assert (axis, list(scale), list(shift)) == (1, [1, 2, 3], [1, 0, -1])


def test_a_crop_takes_its_coordinates_from_its_first_bottom():
    x, y = image(), image()
    cut = L.Crop(x, y, crop_param={"offset": 7})
    assert coord_map_from_to(cut, x) == (1, 1, 7)
    with pytest.raises(RuntimeError, match="share no blob"):
        coord_map_from_to(cut, y)


def test_blobs_that_are_not_connected_by_places():
    x = image()
    with pytest.raises(RuntimeError):
        coord_map_from_to(L.InnerProduct(x, num_output=3), x)
    with pytest.raises(RuntimeError):
        coord_map_from_to(image(), image())


def test_a_net_of_many_diamonds_is_walked_once():
    x = top = conv(image(), {"kernel_size": 1})
    for _ in range(500):
        top = L.Eltwise(top, L.ReLU(top))
    assert coord_map_from_to(top, x) == (None, 1, 0)


def segmenter(data, pools=5, pad=100):
    """The score of a segmentation net by the plan of VGG-16, enlarged to the scale of its input."""
    top = data
    for stage in range(pools):
        top = conv(top, {"kernel_size": 3, "pad": 1 if stage else pad})
        top = L.ReLU(conv(top, {"kernel_size": 3, "pad": 1}), in_place=True)
        top = pool(top, {"kernel_size": 2, "stride": 2})
    top = conv(top, {"kernel_size": 7})
    return deconv(top, {"kernel_size": 2 * 2**pools, "stride": 2**pools})


def test_the_crop_of_a_segmentation_net():
    n = NetSpec()
    n.data = image()
    n.score = crop(segmenter(n.data), n.data)
    cut = n.to_proto().layer[-1]
    assert (cut.type, list(cut.bottom), cut.crop_param.axis) == ("Crop", ["Deconvolution1", "data"], 2)
    assert list(cut.crop_param.offset) == [19]  # as such nets with a stride of 32 have it


def test_what_it_crops_lies_over_the_data(tmp_path):
    data = image(18, 20)
    score = crop(segmenter(data, pools=2, pad=16), data)
    net = net_of(tmp_path, score)
    net.forward()
    assert net.blobs["Crop1"].shape == (1, 1, 18, 20)
    axis, scale, shift = coord_map_from_to(score, data)
    assert (axis, scale, shift) == (1, 1, 0)
    pixels = np.zeros((2, 1, 1, 18, 20), np.float32)
    pixels[0, 0, 0, 4:8, 8:12] = 1
    pixels[1, 0, 0, 8:12, 12:16] = 1  # a step of 4 along both axes moves the score by as much
    first, second = (net.forward(Input1=x)["Crop1"].copy() for x in pixels)
    np.testing.assert_allclose(first[..., :-4, :-4], second[..., 4:, 4:], rtol=1e-5)


def test_a_scale_that_rounding_has_moved_is_still_one():
    assert 49 * (1 / 49) != 1
    x = image()
    up = deconv(pool(x, {"kernel_size": 1, "stride": 49}), {"kernel_size": 49, "stride": 49, "pad": 0})
    assert list(crop(up, x).fn.params["crop_param"]["offset"]) == [24]


def test_crops_of_blobs_that_nothing_moved_begin_at_zero():
    x = image()
    assert crop(L.ReLU(x), x).fn.params == {"crop_param": {"axis": 2, "offset": [0]}}
    assert crop(conv(x, {"kernel_size": 3, "pad": [1, 4]}), x).fn.params["crop_param"]["offset"] == [0, 3]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda x: pool(x, {"kernel_size": 2, "stride": 2}), r"scale, which is \[2\.\]"),
        (lambda x: conv(x, {"kernel_size": 3}), r"cannot begin before its input, at \[-1\.\]"),
        (lambda x: conv(x, {"kernel_size": 4, "pad": 4}), r"whole elements, not by \[2\.5\]"),
    ],
)
def test_crops_that_cannot_align_their_bottoms(make, text):
    x = image()
    with pytest.raises(AssertionError, match=text):
        crop(make(x), x)


def test_sizes_follow_the_scale(tmp_path):
    """What the maps say of a distance holds for the sizes of a net's blobs, up to the borders of its windows."""
    x = image(64, 64)
    y = conv(pool(x, {"kernel_size": 2, "stride": 2}), {"kernel_size": 3, "stride": 3})
    size = net_of(tmp_path, y).blobs["Convolution1"].shape[2]
    _, scale, shift = coord_map_from_to(x, y)
    inside = [q for q in range(64) if 0 <= (q - shift.item()) / scale.item() <= 63]
    assert len(inside) - 1 <= size <= len(inside)
    assert math.isclose(scale.item(), 1 / 6)
