"""Train LeNet on scanned digits: an LMDB, a solver, snapshots, and the compiled net on digits it has never seen."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import digits
import numpy as np

import tcaffe
from tcaffe.data.database import Writer
from tcaffe.data.datum import write_datum

HERE = Path(__file__).parent
TOP = HERE.parents[1]  # where the paths in the prototxt files start
OUT = HERE / "out"
WEIGHTS = OUT / "lenet_iter_600.caffemodel"
ENOUGH = 0.98  # of the digits held out


def main() -> int:
    """Write the databases, train, test, classify; exit status 1 if too many digits are read wrongly."""
    start = time.perf_counter()
    scans, labels = digits.load()
    order = np.random.default_rng(0).permutation(len(scans))
    trained, held = order[: digits.TRAINING], order[digits.TRAINING :]
    OUT.mkdir(exist_ok=True)
    write(OUT / "train_lmdb", scans[trained], labels[trained])
    write(OUT / "test_lmdb", scans[held], labels[held])

    tcaffe_("train", "examples/lenet/solver.prototxt", "--metrics", OUT / "lenet.jsonl")
    tcaffe_("test", "examples/lenet/train_test.prototxt", "--weights", WEIGHTS, "--iterations", "3")

    exe = tcaffe.compile(HERE / "deploy.prototxt", WEIGHTS, inputs={"data": (len(held), 1, 28, 28)})
    right = exe(data=digits.enlarge(scans[held]))["prob"].argmax(axis=1) == labels[held]
    print(f"\nthe compiled deploy net reads {right.sum()} of {right.size} held-out digits: {right.mean():.1%}")
    print(f"{time.perf_counter() - start:.0f} s for all of it; snapshots are in {OUT.relative_to(TOP)}\n")
    return 0 if right.mean() >= ENOUGH else 1


def write(path: Path, scans: np.ndarray, labels: np.ndarray) -> None:
    """An LMDB with a record for each digit, as a Data layer reads it."""
    shutil.rmtree(path, ignore_errors=True)
    with Writer(str(path), "lmdb") as database:
        for k, (pixels, label) in enumerate(zip(digits.pixels(scans), labels.tolist(), strict=True)):
            database.put(b"%08d" % k, write_datum(pixels, label))
    print(f"wrote {path.relative_to(TOP)}: {len(scans)} digits")


def tcaffe_(*arguments: object) -> None:
    """Run a command as a user at the top of the repository would."""
    print(f"\n$ tcaffe {' '.join(str(a).removeprefix(f'{TOP}/') for a in arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "tcaffe.cli", *map(str, arguments)], cwd=TOP, check=True)


if __name__ == "__main__":
    sys.exit(main())
