"""1,797 scanned digits, and the pictures LeNet makes its decision from."""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("digits.npz")
WHITE = 240  # a multiple of 16, so that bytes hold the scans exactly
TRAINING = 1500  # the digits after these come from other writers


def load() -> tuple[np.ndarray, np.ndarray]:
    """All scans, uint8 [1797, 8, 8] with values 0 to 16, and their labels, uint8 [1797]."""
    with np.load(FILE) as file:
        return file["images"], file["labels"]


def enlarge(scans: np.ndarray) -> np.ndarray:
    """8x8 scans as 28x28 pictures, float32 [N, 1, 28, 28] from 0 to 1: every pixel 3x3 times, a border of 2."""
    return (pixels(scans) / np.float32(WHITE)).astype(np.float32)


def pixels(scans: np.ndarray) -> np.ndarray:
    """The same pictures as bytes, uint8 [N, 1, 28, 28] from 0 to 240: what the records of a database hold."""
    large = np.kron(scans * (WHITE // 16), np.ones((1, 3, 3), np.uint8))
    return np.pad(large, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.uint8)
