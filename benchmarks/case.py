"""What is measured: a net, a batch size, threads, what is computed; and the files every engine loads it from."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks.caffe_files import Weights
from benchmarks.describe import Net
from benchmarks.nets import NETS, SMALL

CACHE = Path(__file__).parent / "cache"
SEED = 1
Work = Literal["forward", "gradients", "step"]


@dataclass(frozen=True)
class Case:
    """What is measured: a net of `benchmarks.nets` at a batch size, on a number of threads.

    Its `work` is to answer (forward), to find the gradients of its loss for all parameters, or a step of a solver.
    """

    net: str
    batch: int
    threads: int
    work: Work = "forward"

    @property
    def train(self) -> bool:
        """Whether the net has a loss."""
        return self.work != "forward"

    @property
    def gflop(self) -> float:
        """The work of the direct form. Gradients take twice the forward pass, but no image needs one."""
        net = self.describe()
        macs = 3 * net.macs - net.layers[0].macs if self.train else net.macs
        return 2 * macs * self.batch / 1e9

    @property
    def tolerance(self) -> float:
        """The greatest difference of two engines' outputs, relative to the greatest output.

        Gradients of nets with BatchNorm cancel: those of MobileNet's first filters are off by 0.6 to 2.3 % in float32.
        """
        return 0.1 if self.train else 1e-3

    @property
    def prototxt(self) -> Path:
        """The net as Caffe's text."""
        return self._file(f"-b{self.batch}{'-train' if self.train else ''}.prototxt")

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
        return (NETS | SMALL)[self.net]()

    def data(self) -> np.ndarray:
        """The input: standard normal, float32 [batch, 3, height, width]."""
        _, channels, height, width = self.describe().input
        return np.random.default_rng(SEED).standard_normal((self.batch, channels, height, width), np.float32)

    def labels(self) -> np.ndarray:
        """The class of each image: int64 [batch]."""
        classes = self.describe().layers[-2].weights[-1][0]
        return np.random.default_rng(SEED).integers(0, classes, self.batch)

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
