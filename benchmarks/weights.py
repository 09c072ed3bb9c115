"""Seeded weights for a description, and the files every engine loads them from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks.caffe_files import Weights, prototxt, write_caffemodel
from benchmarks.describe import Layer, Net
from benchmarks.nets import NETS
from benchmarks.onnx_file import write_onnx

CACHE = Path(__file__).parent / "cache"
SEED = 1


@dataclass(frozen=True)
class Case:
    """What is measured: a net of `benchmarks.nets` at a batch size, on a number of threads."""

    net: str
    batch: int
    threads: int

    @property
    def prototxt(self) -> Path:
        """The net as Caffe's text."""
        return self._file(f"-b{self.batch}.prototxt")

    @property
    def caffemodel(self) -> Path:
        """The weights as Caffe's binary file."""
        return self._file(".caffemodel")

    @property
    def onnx(self) -> Path:
        """Net and weights as an exporter writes them."""
        return self._file(f"-b{self.batch}.onnx")

    @property
    def flat(self) -> Path:
        """All weights one after the other, as one .npy that can be mapped."""
        return self._file(".npy")

    def _file(self, ending: str) -> Path:
        """A file of the cache; its name changes with the description, so that no stale one is read."""
        digest = sha256(repr(self.describe().layers).encode()).hexdigest()[:8]
        return CACHE / f"{self.net}-{digest}{ending}"

    def describe(self) -> Net:
        """The net's description."""
        return NETS[self.net]()

    def data(self) -> np.ndarray:
        """The input: standard normal, float32 [batch, 3, height, width]."""
        _, channels, height, width = self.describe().input
        return np.random.default_rng(SEED).standard_normal((self.batch, channels, height, width), np.float32)

    def weights(self) -> Weights:
        """The weights by layer, as views of the mapped file."""
        flat = np.load(self.flat, mmap_mode="c")
        result: Weights = {}
        start = 0
        for layer in self.describe().layers:
            for shape in layer.weights:
                size = int(np.prod(shape))
                result.setdefault(layer.name, []).append(flat[start : start + size].reshape(shape))
                start += size
        return result


def write_files(case: Case) -> None:
    """Write the files of `case` that are not there yet."""
    CACHE.mkdir(exist_ok=True)
    net = case.describe()
    if not case.flat.exists():
        rng = np.random.default_rng(SEED)
        np.save(case.flat, np.concatenate([a.ravel() for layer in net.layers for a in draw(layer, rng)]))
    if not case.caffemodel.exists():
        write_caffemodel(net, case.weights(), case.caffemodel)
    case.prototxt.write_text(prototxt(net, case.batch))
    if not case.onnx.exists():
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
