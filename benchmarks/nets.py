"""Networks, written down from the papers that describe them, in the form their Caffe models have."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.describe import Blob, Net


def caffenet() -> Net:
    """CaffeNet: AlexNet with each pooling before its normalisation."""
    return _alexnet("CaffeNet", lambda net, x, k: net.lrn(f"norm{k}", net.max_pool(f"pool{k}", x, 3, 2)))


def alexnet() -> Net:
    """AlexNet (Krizhevsky, Sutskever, Hinton 2012), two groups on one device."""
    return _alexnet("AlexNet", lambda net, x, k: net.max_pool(f"pool{k}", net.lrn(f"norm{k}", x), 3, 2))


def _alexnet(name: str, reduce: Callable[[Net, Blob, int], Blob]) -> Net:
    net = Net(name, 227)
    x = reduce(net, net.conv_relu("conv1", net.input, 96, 11, stride=4), 1)
    x = reduce(net, net.conv_relu("conv2", x, 256, 5, pad=2, group=2), 2)
    x = net.conv_relu("conv3", x, 384, 3, pad=1)
    x = net.conv_relu("conv4", x, 384, 3, pad=1, group=2)
    x = net.conv_relu("conv5", x, 256, 3, pad=1, group=2)
    return _classify(net, net.max_pool("pool5", x, 3, 2))


def _classify(net: Net, x: Blob) -> Net:
    for name in ("fc6", "fc7"):
        x = net.relu(net.dense(name, x, 4096))
    net.softmax(net.dense("fc8", x, 1000))
    return net


def vgg16() -> Net:
    """VGG-16 (Simonyan, Zisserman 2014), configuration D."""
    net = Net("VGG-16", 224)
    x = net.input
    for stage, (count, filters) in enumerate([(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)], 1):
        for k in range(count):
            x = net.conv_relu(f"conv{stage}_{k + 1}", x, filters, 3, pad=1)
        x = net.max_pool(f"pool{stage}", x, 2, 2)
    return _classify(net, x)


# Filters of an inception: 1x1, 3x3 after its reduction, 5x5 after its reduction, 1x1 after pooling.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64), "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64), "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet() -> Net:
    """GoogLeNet (Szegedy et al. 2014) without its two training heads."""
    net = Net("GoogLeNet", 224)
    x = net.conv_relu("conv1", net.input, 64, 7, stride=2, pad=3)
    x = net.lrn("norm1", net.max_pool("pool1", x, 3, 2))
    x = net.conv_relu("conv2", net.conv_relu("conv2_reduce", x, 64, 1), 192, 3, pad=1)
    x = net.max_pool("pool2", net.lrn("norm2", x), 3, 2)
    for name in INCEPTIONS:
        if name in ("4a", "5a"):
            x = net.max_pool(f"pool{name}", x, 3, 2)
        x = _inception(net, name, x)
    net.softmax(net.dense("classifier", net.mean("pool5", x), 1000))
    return net


def _inception(net: Net, name: str, x: Blob) -> Blob:
    ones, reduce3, threes, reduce5, fives, pooled = INCEPTIONS[name]
    return net.concat(
        name,
        net.conv_relu(f"{name}/1x1", x, ones, 1),
        net.conv_relu(f"{name}/3x3", net.conv_relu(f"{name}/3x3_reduce", x, reduce3, 1), threes, 3, pad=1),
        net.conv_relu(f"{name}/5x5", net.conv_relu(f"{name}/5x5_reduce", x, reduce5, 1), fives, 5, pad=2),
        net.conv_relu(f"{name}/pool_proj", net.max_pool(f"{name}/pool", x, 3, 1, pad=1), pooled, 1),
    )


def resnet50() -> Net:
    """ResNet-50 (He et al. 2015), the stride in a block's first 1x1 convolution."""
    net = Net("ResNet-50", 224)
    x = net.relu(_conv_bn(net, "conv1", net.input, 64, 7, stride=2, pad=3))
    x = net.max_pool("pool1", x, 3, 2)
    for stage, blocks, filters in [(2, 3, 64), (3, 4, 128), (4, 6, 256), (5, 3, 512)]:
        for k in range(blocks):
            x = _bottleneck(net, f"res{stage}{'abcdef'[k]}", x, filters, stride=2 if k == 0 and stage > 2 else 1)
    net.softmax(net.dense("fc1000", net.mean("pool5", x), 1000))
    return net


def _bottleneck(net: Net, name: str, x: Blob, filters: int, stride: int) -> Blob:
    same = x.channels == 4 * filters
    shortcut = x if same else _conv_bn(net, f"{name}_branch1", x, 4 * filters, 1, stride=stride)
    y = net.relu(_conv_bn(net, f"{name}_branch2a", x, filters, 1, stride=stride))
    y = net.relu(_conv_bn(net, f"{name}_branch2b", y, filters, 3, pad=1))
    y = _conv_bn(net, f"{name}_branch2c", y, 4 * filters, 1)
    return net.relu(net.sum(name, shortcut, y))


def _conv_bn(net: Net, name: str, x: Blob, filters: int, kernel: int, **options: int) -> Blob:
    return net.batch_norm(net.conv(name, x, filters, kernel, bias=False, **options))


def squeezenet() -> Net:
    """SqueezeNet 1.1 (Iandola et al. 2016)."""
    net = Net("SqueezeNet 1.1", 227)
    x = net.conv_relu("conv1", net.input, 64, 3, stride=2)
    fires = [16, 16, 32, 32, 48, 48, 64, 64]
    for k, squeeze in enumerate(fires, 2):
        if k in (2, 4, 6):
            x = net.max_pool(f"pool{k - 1}", x, 3, 2)
        s = net.conv_relu(f"fire{k}/squeeze", x, squeeze, 1)
        ones = net.conv_relu(f"fire{k}/expand1x1", s, 4 * squeeze, 1)
        threes = net.conv_relu(f"fire{k}/expand3x3", s, 4 * squeeze, 3, pad=1)
        x = net.concat(f"fire{k}", ones, threes)
    net.softmax(net.mean("pool10", net.conv_relu("conv10", x, 1000, 1)))
    return net


def mobilenet() -> Net:
    """MobileNet v1 (Howard et al. 2017), width 1, 224x224."""
    net = Net("MobileNet v1", 224)
    x = net.relu(_conv_bn(net, "conv1", net.input, 32, 3, stride=2, pad=1))
    filters = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    for k, (count, stride) in enumerate(zip(filters, [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1], strict=True), 2):
        x = net.relu(_conv_bn(net, f"conv{k}/dw", x, x.channels, 3, stride=stride, pad=1, group=x.channels))
        x = net.relu(_conv_bn(net, f"conv{k}/sep", x, count, 1))
    net.softmax(net.conv("fc", net.mean("pool", x), 1000, 1))
    return net


def lenet() -> Net:
    """LeNet as Caffe's MNIST example has it, for 28x28 digits."""
    net = Net("LeNet", 28, 1)
    x = net.max_pool("pool1", net.conv("conv1", net.input, 20, 5), 2, 2)
    x = net.max_pool("pool2", net.conv("conv2", x, 50, 5), 2, 2)
    net.softmax(net.dense("ip2", net.relu(net.dense("ip1", x, 500)), 10))
    return net


def cifar_quick() -> Net:
    """The quick net of Caffe's CIFAR-10 example, for 32x32 pictures."""
    net = Net("CIFAR-quick", 32)
    x = net.relu(net.max_pool("pool1", net.conv("conv1", net.input, 32, 5, pad=2), 3, 2))
    x = net.average_pool("pool2", net.conv_relu("conv2", x, 32, 5, pad=2), 3, 2)
    x = net.average_pool("pool3", net.conv_relu("conv3", x, 64, 5, pad=2), 3, 2)
    net.softmax(net.dense("ip2", net.dense("ip1", x, 64), 10))
    return net


SMALL: dict[str, Callable[[], Net]] = {"lenet": lenet, "cifar_quick": cifar_quick}
"""Nets that are trained on a CPU from beginning to end."""

NETS: dict[str, Callable[[], Net]] = {
    "caffenet": caffenet,
    "alexnet": alexnet,
    "googlenet": googlenet,
    "vgg16": vgg16,
    "resnet50": resnet50,
    "squeezenet": squeezenet,
    "mobilenet": mobilenet,
}
