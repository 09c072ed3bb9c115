"""`tcaffe device-query`: this machine, a machine of files, GPUs of a torch that is made up."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tcaffe.cli import devices
from tcaffe.cli.devices import Cache
from tcaffe.runtime.gpu import devices as gpus

H100 = SimpleNamespace(name="H100", total_memory=80 << 30, major=9, minor=0, multi_processor_count=132, warp_size=32)
CACHES = {"index0": ("1", "Data", "32K", "0,2"), "index1": ("1", "Instruction", "32K", "0"),
          "index3": ("3", "Unified", "32768K", "0-3,8")}  # fmt: skip


def torch_with(*found: SimpleNamespace, cuda: str | None = "13.0") -> SimpleNamespace:
    return SimpleNamespace(
        __version__="2.13", version=SimpleNamespace(cuda=cuda, hip=None),
        cuda=SimpleNamespace(is_available=lambda: bool(found), device_count=lambda: len(found),
                             get_device_properties=found.__getitem__),
    )  # fmt: skip


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """The files of a Linux with two cores in a container of 1 MiB."""
    for name, values in CACHES.items():
        folder = tmp_path / "sys/devices/system/cpu/cpu0/cache" / name
        folder.mkdir(parents=True)
        for file, value in zip(("level", "type", "size", "shared_cpu_list"), values, strict=True):
            (folder / file).write_text(f"{value}\n")
    (tmp_path / "proc").mkdir()
    core = "processor\t: 0\nmodel name\t: Some CPU: 3 GHz\nflags\t\t: fpu fma avx2 sse\n\n"
    (tmp_path / "proc/cpuinfo").write_text(2 * core)
    (tmp_path / "proc/meminfo").write_text("MemTotal:        8000 kB\nMemFree: 1 kB\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("1048576\n")
    return tmp_path


def test_the_processor(system: Path) -> None:
    found = devices.processor(system)
    assert (found.name, found.features) == ("Some CPU: 3 GHz", ("avx2", "fma"))
    assert found.caches == (Cache("L1 data", 32 << 10, 2), Cache("L3", 32 << 20, 5))


def test_memory_is_what_the_container_may_have(system: Path) -> None:
    assert devices.memory(system) == 1 << 20
    (system / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert devices.memory(system) == 8000 * 1024


def test_a_system_that_tells_nothing(tmp_path: Path) -> None:
    found = devices.processor(tmp_path)
    assert found.cores == os.cpu_count() and found.caches == () and found.features == ()
    assert devices.memory(tmp_path) is None


def test_gpus(cli, monkeypatch) -> None:
    monkeypatch.setattr(gpus, "_torch", lambda: torch_with(H100, H100))
    lines = cli("device-query").stdout.splitlines()
    assert any(line.split(maxsplit=2)[1:] == ["1", "H100, 80.0 GiB, capability 9.0, 132 multiprocessors"]
               for line in lines)  # fmt: skip
    found = json.loads(cli("device-query", "--json").stdout)["gpus"]
    assert [(gpu["index"], gpu["memory"], gpu["facts"]) for gpu in found] == [
        (0, 80 << 30, {"warp_size": 32}), (1, 80 << 30, {"warp_size": 32}),
    ]  # fmt: skip


@pytest.mark.parametrize("torch, why", [
    (None, "torch is not installed: pip install 'tcaffe[gpu]'"), (torch_with(), "torch sees none"),
    (torch_with(cuda=None), "torch 2.13 is built for processors alone"),
])  # fmt: skip
def test_why_there_is_no_gpu(cli, monkeypatch, torch: SimpleNamespace | None, why: str) -> None:
    monkeypatch.setattr(gpus, "_torch", lambda: torch)
    assert f"none: {why}" in cli("device-query").stdout


def test_this_machine(cli, monkeypatch) -> None:
    monkeypatch.setattr(gpus, "_torch", lambda: None)
    found = json.loads(cli("device-query", "--json").stdout)
    assert found["processor"]["usable"] >= 1 and found["processor"]["name"]
    assert found["blas"] and all(blas["threads"] >= 1 for blas in found["blas"])
    assert found["versions"]["numpy"] == np.__version__
    assert {"python", "tcaffe", "h5py", "matplotlib"} <= found["versions"].keys()
