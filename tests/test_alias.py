"""The name `caffe`: what scripts written for the original import."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import tcaffe
import caffe, sys
assert caffe is tcaffe
from caffe import TEST, Net
from caffe.proto import caffe_pb2
from tcaffe.schema import caffe_pb2 as ours
assert caffe_pb2 is ours and caffe.Net is tcaffe.Net
from caffe import layers as L, params as P
from caffe.coord_map import crop
import caffe.draw, caffe.io, caffe.pycaffe
assert caffe.draw is tcaffe.draw and crop is tcaffe.coord_map.crop and tcaffe.proto.caffe_pb2 is ours
assert P.Pooling.MAX == 0 and tcaffe.to_proto(L.Input()).layer[0].name == "Input1"
assert sys.modules["caffe.pycaffe"] is sys.modules["tcaffe.pycaffe"]
try:
    import caffe.nothing
except ModuleNotFoundError as error:
    print(error)
"""


def run(script, *more, cwd):
    return subprocess.run([sys.executable, "-c", script, *more], cwd=cwd, capture_output=True, text=True, check=True)


def test_every_module_is_the_same_under_both_names(tmp_path):
    assert "nothing" in run(SCRIPT, cwd=tmp_path).stdout


def test_the_original_comes_first_where_it_is_installed(tmp_path):
    Path(tmp_path, "caffe").mkdir()
    Path(tmp_path, "caffe", "__init__.py").write_text("there = True")
    Path(tmp_path, "caffe", "io.py").write_text("there = True")
    assert (
        run("import tcaffe, caffe, caffe.io; print(caffe.there, caffe.io.there)", cwd=tmp_path).stdout == "True True\n"
    )
