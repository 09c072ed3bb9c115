"""The whole compiler: random nets give what the reference interpreter gives; the driver's own errors."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import tcaffe
from tcaffe.compiler import build, prepare, write_dumps
from tcaffe.ir import ops
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.node import Node
from tcaffe.ir.target import cpu
from tcaffe.link import link
from tcaffe.passes.pipeline import FAITHFUL, OPTIMISE, Pipeline, lower
from tcaffe.runtime.params import room
from tests.graphs import close, feeds, image_graphs

NET = """
    name: "small"
    layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 8 } } }
    layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
            convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
    layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
    layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { kernel_size: 2 stride: 2 } }
    layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
            inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
    layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""
LIVE = Pipeline(FAITHFUL.passes, "live")
IMAGE = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32)


@given(image_graphs())
@settings(max_examples=40, deadline=None)
@pytest.mark.parametrize("pipeline", [OPTIMISE, FAITHFUL, LIVE], ids=lambda p: p.parameters)
def test_random_nets(pipeline: Pipeline, graph: Graph) -> None:
    feed = feeds(graph)
    params = {n.name: feed[n.name].astype(np.float32) for n in graph.params}
    inputs = {n.name: feed[n.name].astype(np.float32) for n in graph.inputs}
    executable = build(graph, params, [pipeline], target=cpu(2))
    close(executable(**inputs), evaluate(graph, feed, wide=True))


def test_only_what_is_asked_is_computed() -> None:
    whole = tcaffe.compile(NET)
    part = tcaffe.compile(NET, outputs=["pool"])
    assert list(whole(data=IMAGE)) == ["prob"]
    assert part(data=IMAGE)["pool"].shape == (2, 4, 3, 3)
    assert [k.name for k in part.program.kernels] == ["conv+relu+pool"]


def test_an_unknown_output_is_told_with_a_suggestion() -> None:
    with pytest.raises(tcaffe.CompileError, match=r"the net has no blob `prop`") as error:
        tcaffe.compile(NET, outputs=["prop", "pool"])
    assert error.value.diagnostics[0].suggestion == "did you mean `prob`?"


@pytest.mark.parametrize("options", [{"target": "tpu"}, {"precision": "f16"}])
def test_what_there_is_no_code_for(options: dict[str, str]) -> None:
    with pytest.raises(tcaffe.CompileError, match=r"E060[23]"):
        tcaffe.compile(NET, **options)


def test_another_batch() -> None:
    assert tcaffe.compile(NET, inputs={"data": (5, 3, 8, 8)})(data=np.zeros((5, 3, 8, 8)))["prob"].shape == (5, 5)


def test_source_and_dumps_are_the_same_every_time() -> None:
    one, two = tcaffe.compile(NET), tcaffe.compile(NET)
    assert one.source == two.source
    assert [one.dump(name) for name in one.dumps] == [two.dump(name) for name in two.dumps]
    assert one.dumps[0] == "lower" and one.dumps[-1] == "plan_memory"


def test_a_bundle_gives_the_same_numbers(tmp_path: Path) -> None:
    executable = tcaffe.compile(NET)
    executable.save(tmp_path / "small.bundle")
    loaded = tcaffe.load(tmp_path / "small.bundle")
    np.testing.assert_array_equal(loaded(data=IMAGE)["prob"], executable(data=IMAGE)["prob"])


def test_dumps_are_files_in_order(tmp_path: Path) -> None:
    executable = tcaffe.compile(NET)
    paths = write_dumps({name: executable.dump(name) for name in executable.dumps}, tmp_path)
    assert [p.name for p in paths][:3] == ["00-lower.ir", "01-simplify.ir", "02-fold_affine.ir"]
    assert paths[-1].read_text().startswith("program @small {")


def test_weights_are_packed_one_after_the_other() -> None:
    """While they are packed there is no more in memory than they and one of them."""
    x = ops.input_(shape=(1, 300), name="x")
    heads = {f"fc{k}": ops.dot(x, transposed_weights(k)) for k in range(4)}
    program = lower(Graph("wide", heads), OPTIMISE, target=cpu(2))
    params = room(link(program, ["f"] * len(program.kernels)))
    values = {f"w{k}": np.full((1000, 300), k * k, np.float32) for k in range(4)}
    tracemalloc.start()
    try:
        prepare(program.prepare, values, params)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sorted(array.flat[0] for array in params.values()) == [0, 1, 2, 3]
    assert peak < 1.5 * values["w0"].nbytes


def transposed_weights(k: int) -> Node:
    return ops.sqrt(ops.transpose(ops.param(shape=(1000, 300), name=f"w{k}"), order=(1, 0)))
