"""What comes out of a net: the best classes, and arrays in a file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import numpy as np


def is_scores(value: np.ndarray) -> bool:
    """Whether an output is a number for each of several classes."""
    return value.ndim >= 2 and value.shape[1] > 1 and value.size == value.shape[0] * value.shape[1] > 0


def best_classes(value: np.ndarray, top: int) -> list[list[tuple[int, float]]]:
    """The `top` classes of each item with their scores, the best first; the lower number first among equals."""
    scores = value.reshape(value.shape[0], value.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [[(int(i), float(row[i])) for i in best] for row, best in zip(scores, order, strict=True)]


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Arrays by name, as `numpy.load` reads them. A name that is a way out of a folder is written with % escapes."""
    with zipfile.ZipFile(path, "w") as file:
        for name, array in arrays.items():
            with file.open(f"{safe_member(name)}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def safe_member(name: str) -> str:
    """`name` if unpacking a file of that name is harmless, else the name with everything unusual escaped."""
    harmless = name.isprintable() and not set(name) & set(r'\:*?"<>|') and not set(name.split("/")) & {"", ".", ".."}
    return name if harmless else quote(name, safe="")


def read_labels(path: str) -> list[str]:
    """The names of the classes, a line each; a WordNet number in front (n01440764) is left out."""
    lines = Path(path).read_text("utf-8", "replace").splitlines()
    return [line[10:] if line[:1] == "n" and line[1:9].isdigit() and line[9:10] == " " else line for line in lines]
