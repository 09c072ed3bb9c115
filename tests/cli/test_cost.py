from tcaffe.cli.cost import flops, macs
from tcaffe.ir import ops


def test_a_convolution_counts_what_each_filter_sees() -> None:
    x, w = ops.input_(shape=(1, 4, 8, 8)), ops.param(shape=(6, 2, 3, 3))
    y = ops.conv(x, w, stride=(1, 1), pad=(1, 1), dilation=(1, 1), groups=2)
    assert macs([y]) == 6 * 8 * 8 * 2 * 9
    assert flops([y]) == 2 * macs([y])


def test_a_deconvolution_counts_what_each_number_spreads_to() -> None:
    g, w = ops.input_(shape=(1, 6, 4, 4)), ops.param(shape=(6, 3, 2, 2))
    y = ops.conv_dx(g, w, stride=(2, 2), pad=(0, 0), dilation=(1, 1), shape=(1, 3, 8, 8))
    assert macs([y]) == 6 * 16 * 3 * 4


def test_the_gradient_of_filters_counts_as_the_convolution_does() -> None:
    x, g = ops.input_(shape=(2, 4, 8, 8)), ops.input_(shape=(2, 6, 8, 8))
    w = ops.conv_dw(x, g, stride=(1, 1), pad=(1, 1), dilation=(1, 1), groups=2, shape=(6, 2, 3, 3))
    assert macs([w]) == 2 * 6 * 8 * 8 * 2 * 9


def test_other_work_is_counted_by_the_element() -> None:
    x = ops.input_(shape=(2, 3, 4, 4))
    pooled = ops.pool(x, kind="max", axes=(2, 3), size=(2, 2), stride=(2, 2), pad=((0, 0), (0, 0)))
    nodes = [ops.maximum(x, 0.0), pooled, ops.reduce_sum(x, axes=(1,)), ops.reshape(x, shape=(6, 16))]
    assert [flops([node]) for node in nodes] == [96, 24 * 4, 96, 0]
    assert macs([ops.dot(ops.input_(shape=(2, 5)), ops.param(shape=(5, 7))), *nodes]) == 2 * 5 * 7
