"""A process that compiles kernels: one job a line on stdin, one answer a line on stdout.

Triton's compiler and its interpreter cannot live in one process, and compiling in several goes faster.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tcaffe.runtime.gpu.binary import Binary, Facts, Job, write_binary
from tcaffe.runtime.gpu.canonical import ENTRY
from tcaffe.runtime.gpu.module import load_module

REASON = 400  # characters of what a compiler says


def main() -> None:
    """Compile what stdin asks for, until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Triton prints whole programs where it fails
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        job = Job(**json.loads(line))
        try:
            binary = compiled(job)
            write_binary(folder, job.key, binary)
            answer: dict[str, Any] = asdict(binary.facts)
        except Exception as error:  # whatever a compiler raises is told to whoever asked
            answer = {"error": f"{type(error).__name__}: {' '.join(str(error).split())}"[:REASON]}
        print(json.dumps(answer), file=answers, flush=True)


def compiled(job: Job) -> Binary:
    """What Triton makes of a job; raises what it raises."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    began = time.perf_counter()
    function = load_module(job.source, sys.modules[__name__])[ENTRY]
    pointers = dict(zip(function.arg_names, job.pointers, strict=False))
    signature = {name: pointers.get(name, "constexpr") for name in function.arg_names}
    attributes = {(k,): [["tt.divisibility", 16]] for k, aligned in enumerate(job.aligned) if aligned}
    source = ASTSource(function, signature, dict(job.constants), attributes)
    options = {"num_warps": job.warps, "num_stages": job.stages, "enable_fp_fusion": True}
    if job.architecture.startswith("sm_"):
        target = GPUTarget("cuda", int(job.architecture[3:]), 32)
    else:
        target = GPUTarget("hip", job.architecture, 64)
    found = triton.compile(source, target=target, options=options)
    seconds = time.perf_counter() - began
    code = found.asm["cubin" if target.backend == "cuda" else "hsaco"]
    registers, spilled = nvidia_registers(code) if target.backend == "cuda" else amd_registers(found.asm["amdgcn"])
    assembly = found.asm["ptx"] if target.backend == "cuda" else found.asm["amdgcn"]
    facts = Facts(
        entry=found.metadata.name,
        warps=found.metadata.num_warps,
        shared=found.metadata.shared,
        scratch=getattr(found.metadata, "global_scratch_size", 0) or 0,
        registers=registers,
        spilled=spilled,
        tensor=len(re.findall(r"wgmma\.mma_async|mma\.sync|tcgen05\.mma|v_mfma", assembly)),
        ahead=bool(re.search(r"async_wait[^{\n]*\{num = [1-9]", found.asm["ttgir"])),
        seconds=round(seconds, 3),
    )
    return Binary(facts, code)


def nvidia_registers(cubin: bytes) -> tuple[int, int]:
    """Registers a thread, and bytes of its stack: what is spilled goes there."""
    import triton

    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        shown = subprocess.run([tool, "-res-usage", path], capture_output=True, text=True, check=True).stdout
    registers, stack = (int(found[1]) if (found := re.search(rf"{k}:(\d+)", shown)) else 0 for k in ("REG", "STACK"))
    return registers, stack


def amd_registers(assembly: str) -> tuple[int, int]:
    """Vector registers a thread, and how many of them are spilled, in bytes."""
    words = ("vgpr_count", "vgpr_spill_count")
    count, spills = (int(found[1]) if (found := re.search(rf"\.{w}:\s+(\d+)", assembly)) else 0 for w in words)
    return count, 4 * spills


if __name__ == "__main__":
    main()
