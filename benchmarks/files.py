"""Writes the files of a case: seeded weights, Caffe's two files, the ONNX file."""

from __future__ import annotations

import numpy as np

from benchmarks.caffe_files import prototxt, write_caffemodel
from benchmarks.case import CACHE, SEED, Case
from benchmarks.describe import Layer
from benchmarks.onnx_file import write_onnx


def write_files(case: Case) -> None:
    """Write the files of `case` that are not there yet."""
    CACHE.mkdir(exist_ok=True)
    net = case.describe()
    if not case.flat.exists():
        rng = np.random.default_rng(SEED)
        np.save(case.flat, np.concatenate([a.ravel() for layer in net.layers for a in draw(layer, rng)]))
    if not case.caffemodel.exists():
        write_caffemodel(net, case.weights(), case.caffemodel)
    case.prototxt.write_text(prototxt(net, case.batch, case.train))
    if not case.train and not case.onnx.exists():
        write_onnx(net, case.weights(), case.batch, case.onnx)


def draw(layer: Layer, rng: np.random.Generator) -> list[np.ndarray]:
    """Random weights that keep the size of the activations: He's for filters, near 1 and 0 for normalisation."""
    if layer.kind == "batch_norm":
        shape = layer.weights[0]
        mean, shift = (rng.normal(0, 0.1, shape) for _ in range(2))
        variance, scale = rng.uniform(0.5, 1.5, shape), rng.uniform(0.3, 1.0, shape)
        return [a.astype(np.float32) for a in (mean, variance, scale, shift)]
    return [_filters(shape, rng) if len(shape) > 1 else _biases(shape, rng) for shape in layer.weights]


def _filters(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Normal with variance 2 / inputs (He et al. 2015)."""
    deviation = np.float32(np.sqrt(2 / np.prod(shape[1:])))
    return rng.standard_normal(shape, np.float32) * deviation


def _biases(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0, 0.01, shape).astype(np.float32)
