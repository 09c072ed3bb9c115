"""Targets: the machine that a program is made for."""

from __future__ import annotations

from dataclasses import dataclass

ARCHITECTURES = {"cuda": ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"), "hip": ("gfx90a", "gfx942")}
"""GPUs that kernels are compiled for where there is none."""
INTERPRETER = "interpreter"
"""The architecture of Triton's interpreter: a program costs its time, however much it does."""


@dataclass(frozen=True, slots=True)
class Target:
    """A processor with `workers` threads (`cpu`), or a GPU (`cuda`, `hip`) of some `architecture`, such as sm_90.

    `device` is the number of the GPU that is to run the program; `ahead` says that it is compiled for one elsewhere.
    """

    name: str = "cpu"
    workers: int = 1
    architecture: str = ""
    device: int = 0
    ahead: bool = False

    @property
    def gpu(self) -> bool:
        """Whether kernels are Triton code."""
        return self.name != "cpu"

    def __str__(self) -> str:
        if not self.gpu:
            return self.name
        return f"{self.name}:{self.architecture}" if self.ahead else f"{self.name}:{self.device}"


def cpu(workers: int) -> Target:
    """A processor with so many threads."""
    return Target("cpu", workers)
