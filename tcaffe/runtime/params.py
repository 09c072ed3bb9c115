"""Parameters: what kernels read besides the arena, shared by everyone who runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tcaffe.runtime.arena import Arena
from tcaffe.runtime.manifest import Manifest


def room(manifest: Manifest) -> dict[str, np.ndarray]:
    """Arrays for all parameters, by name, in one block of memory; their content is arbitrary at first."""
    block = Arena(manifest.weights_bytes).bytes
    return {p.name: np.ndarray(p.shape, p.dtype, block.data, p.offset) for p in manifest.params}


class Parameters(Mapping[str, np.ndarray]):
    """Prepared parameters by name, read-only to their readers.

    The arrays are not copied: what their owner writes to them is seen by the next run.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._owned = dict(arrays)
        self._shown = {name: _read_only(array) for name, array in self._owned.items()}

    def refresh(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Write new values over the old ones; raises KeyError or ValueError where name or shape do not fit."""
        for name, array in arrays.items():
            owned = self._owned[name]
            if owned.shape != array.shape:
                raise ValueError(f"parameter {name!r} is {list(owned.shape)}, not {list(array.shape)}")
            if not np.may_share_memory(owned, array):
                np.copyto(owned, array)

    def writable(self, name: str) -> np.ndarray:
        """A parameter for a kernel that gives it its next value."""
        return self._owned[name]

    def __getitem__(self, name: str) -> np.ndarray:
        return self._shown[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown)

    def __len__(self) -> int:
        return len(self._shown)


def _read_only(array: np.ndarray) -> np.ndarray:
    shown = array.view()
    shown.flags.writeable = False
    return shown
