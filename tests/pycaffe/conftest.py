"""What tests of nets share."""

import pytest

from tcaffe import pycaffe as caffe


@pytest.fixture
def net_of(tmp_path):
    """A net from its text."""

    def make(text, phase=caffe.TEST, **more):
        path = tmp_path / "net.prototxt"
        path.write_text(text)
        return caffe.Net(str(path), phase, **more)

    return make
