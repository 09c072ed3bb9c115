"""Runs emitted Triton code in a child process, in the interpreter or ahead of time, and compares it with the reference.

A child does many cases at once: importing torch and triton takes longer than most of them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tcaffe.codegen.triton import Emitted, emit
from tcaffe.ir.graph import Graph
from tcaffe.ir.interpret import evaluate
from tcaffe.ir.program import Program
from tcaffe.ir.target import Target
from tcaffe.ir.verify import verify_graph, verify_program
from tcaffe.passes.alias import alias
from tcaffe.passes.fuse import fuse
from tcaffe.passes.memory import plan_memory
from tcaffe.passes.order import order
from tcaffe.passes.pipeline import OPTIMISE
from tcaffe.passes.tiles import choose_tiles

H100 = Target("cuda", architecture="sm_90", ahead=True)
CHILD = Path(__file__).with_name("child.py")
TIMEOUT = 300
Arrays = Mapping[str, np.ndarray]


def program_of(
    graph: Graph,
    passes: tuple = OPTIMISE.passes,
    target: Target = H100,
    change: Callable[[Program], Program] = lambda program: program,
) -> Program:
    """The planned program of a graph, as a GPU gets it; `change` is made before every byte has its place."""
    for rewrite in passes:
        graph = verify_graph(rewrite(graph))
    program = verify_program(fuse(graph))
    for step in (order, partial(choose_tiles, target=target), change, alias, plan_memory):
        program = verify_program(step(program))
    return program


def write_case(folder: Path, program: Program, emitted: Emitted, feed: Arrays) -> None:
    """Write everything a child needs to run a program: its source, its launches, its places, its parameters."""
    assert program.plan is not None
    folder.mkdir(parents=True)
    (folder / "kernels.py").write_text(emitted.source)
    views = {}
    scratch = [s for kernel in program.kernels for s in kernel.scratch]
    for node in (*program.stored, *scratch):
        place, kind = program.places[node.name], node.type
        offset = program.plan.offsets[place.buffer] + place.offset
        strides = [step // kind.itemsize for step in place.strides]
        views[node.name] = [kind.dtype, kind.shape, strides, offset // kind.itemsize]
    manifest = {
        "size": program.plan.size,
        "views": views,
        "params": {p.name: p.type.dtype for p in program.params},
        "inputs": [node.name for node in program.inputs],
        "outputs": {name: node.name for name, node in program.outputs.items()},
        "launches": [asdict(launch) for launches in emitted.launches for launch in launches],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    params = evaluate(program.prepare, feed)
    values = {f"value {n.name}": np.asarray(feed[n.name], n.type.numpy) for n in program.inputs}
    values |= {f"param {p.name}": np.ascontiguousarray(params[p.name], p.type.numpy) for p in program.params}
    np.savez(folder / "arrays.npz", **values)


def run_child(mode: str, folders: list[Path], *arguments: str) -> None:
    """Run a child on some cases: `interpret` writes outputs.npz into each folder, `compile` writes report.json.

    The test that asks is skipped where torch or triton is not installed.
    """
    if any(find_spec(library) is None for library in ("torch", "triton")):
        pytest.skip("needs torch and triton: pip install 'tcaffe[gpu]'")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRITON")}
    environment |= {"TRITON_INTERPRET": "1"} if mode == "interpret" else {}
    environment |= {"TRITON_CACHE_DIR": str(folders[0].parent / "cache"), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, str(CHILD), mode, "\n".join(map(str, folders)), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@dataclass(frozen=True)
class Case:
    """A graph, what it is fed, the passes it goes through on its way to a program, and what is done to that."""

    graph: Graph
    feed: Arrays
    passes: tuple = OPTIMISE.passes
    change: Callable[[Program], Program] = lambda program: program

    def write(self, folder: Path) -> Path:
        """Emit the program into a folder, which is returned."""
        program = program_of(self.graph, self.passes, change=self.change)
        write_case(folder, program, emit(program), self.feed)
        return folder

    def check(self, found: Arrays, tolerance: float = 1e-5) -> None:
        """Assert that `found` is what the IR's own interpreter computes in float64, relative to the largest value."""
        wanted = evaluate(self.graph, self.feed, wide=True)
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            largest = float(np.max(np.abs(value), initial=1.0, where=np.isfinite(value)))
            np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance * largest, err_msg=name)


def interpret(folders: Mapping[str, Path]) -> dict[str, Arrays]:
    """The outputs of the programs emitted into folders, by key."""
    run_child("interpret", list(folders.values()))
    found = {}
    for key, place in folders.items():
        with np.load(place / "outputs.npz") as outputs:
            found[key] = {name: outputs[name] for name in outputs.files}
    return found


def compile_for(architecture: int, folders: Mapping[str, Path]) -> dict[str, dict[str, dict[str, int]]]:
    """What every kernel emitted into folders takes once it is compiled: registers a thread, bytes of stack (where what
    is spilled goes) and of shared memory; by the folder's key and the kernel's function."""
    run_child("compile", list(folders.values()), str(architecture))
    return {key: json.loads((place / "report.json").read_text()) for key, place in folders.items()}
