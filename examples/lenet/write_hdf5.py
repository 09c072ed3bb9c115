"""Write the digits as the HDF5 files that train_test.prototxt reads. Needs h5py (pip install 'tcaffe[hdf5]')."""

from pathlib import Path

import digits
import h5py
import numpy as np

OUT = Path("examples/lenet/out")  # as train_test.prototxt names it: from the top of the repository


def write(name: str, scans: np.ndarray, labels: np.ndarray) -> None:
    """name.h5 with the datasets `data` and `label`, and name.txt, which lists it for an HDF5Data layer."""
    path = OUT / f"{name}.h5"
    with h5py.File(path, "w") as file:
        file["data"] = digits.enlarge(scans)
        file["label"] = labels.astype(np.float32)
    path.with_suffix(".txt").write_text(f"{path}\n")
    print(f"wrote {path}: {len(scans)} digits")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    scans, labels = digits.load()
    write("train", scans[: digits.TRAINING], labels[: digits.TRAINING])
    write("test", scans[digits.TRAINING :], labels[digits.TRAINING :])
