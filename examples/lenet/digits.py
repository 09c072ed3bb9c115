"""1,797 scanned digits, and the pictures LeNet makes its decision from."""

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("digits.npz")
TRAINING = 1500  # the digits after these come from other writers


def load() -> tuple[np.ndarray, np.ndarray]:
    """All scans, uint8 [1797, 8, 8] with values 0 to 16, and their labels, uint8 [1797]."""
    with np.load(FILE) as file:
        return file["images"], file["labels"]


def enlarge(scans: np.ndarray) -> np.ndarray:
    """8x8 scans as 28x28 pictures, float32 [N, 1, 28, 28] from 0 to 1: every pixel 3x3 times, a border of 2."""
    pictures = np.kron(scans / 16, np.ones((1, 3, 3)))
    return np.pad(pictures, ((0, 0), (2, 2), (2, 2)))[:, None].astype(np.float32)
