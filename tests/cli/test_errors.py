"""What users do wrong, or to us: never a traceback, and the right exit status."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = (sys.executable, "-m", "tcaffe.cli")


def test_a_missing_file(cli) -> None:
    for command in ("compile", "run", "plan", "summary", "check"):
        result = cli(command, "nowhere.prototxt")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "error E0604: there is no file `nowhere.prototxt`" in result.stderr


def test_weights_in_place_of_the_net(cli, tmp_path: Path) -> None:
    (tmp_path / "x.caffemodel").write_bytes(b"\x0a\x05LeNet\x12\x00")
    result = cli("compile", tmp_path / "x.caffemodel")
    assert result.exit_code == 1
    assert "is a binary file, no prototxt" in result.stderr
    assert "--weights" in result.stderr


@pytest.mark.parametrize("place", ["/proc/nothing/x", "folder"])
def test_a_place_that_cannot_be_written(cli, net, tmp_path: Path, monkeypatch, place: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    result = cli("compile", net, "--source", place)
    assert (result.exit_code, "error E0604" in result.stderr) == (1, True)


def test_too_little_memory(cli, net, monkeypatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 99 GiB")

    monkeypatch.setattr("tcaffe.compiler.assemble", explode)
    result = cli("compile", net)
    assert result.exit_code == 1
    assert "error E0606: not enough memory: Unable to allocate 99 GiB" in result.stderr


def test_names_cannot_speak_to_the_terminal(cli, tmp_path: Path) -> None:
    (tmp_path / "x.prototxt").write_text(
        'name: "\\x1b]0;owned\\x07[red]" layer { name: "\\x1b[2J" type: "Input" top: "\\n\\r" '
        "input_param { shape { dim: 1 } } }"
    )
    for command in ("summary", "compile"):
        result = cli(command, tmp_path / "x.prototxt")
        assert not set(result.output) & set("\x1b\x07\r"), command


def test_a_reader_that_leaves(net) -> None:
    """`tcaffe explain | head -1`."""
    command = f"{' '.join(COMMAND)} explain | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.stdout.startswith("code ")
    assert done.stderr == ""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c(net) -> None:
    slow = (
        "import sys, time; from tcaffe.cli import main; from tcaffe.cli.options import NetQuery\n"
        "def lower(self, *_): print('now', flush=True); time.sleep(30)\n"
        "NetQuery.lower = lower\n"
        f"main(['summary', {net!r}])"
    )
    child = subprocess.Popen([sys.executable, "-c", slow], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "now\n"
    time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=20)
    assert child.returncode == 130
    assert "Traceback" not in err


def test_explain(cli) -> None:
    assert cli("explain", "e0201").stdout.startswith("E0201: The schema has no such field\n\n")
    assert "E0701" in cli("explain").stdout
    result = cli("explain", "E9999")
    assert (result.exit_code, "E0607" in result.stderr) == (1, True)


def test_wrong_usage(cli, net) -> None:
    for arguments in ((), ("compile",), ("compile", net, "--batch", "x"), ("compile", net, "--input", "data=axb")):
        assert cli(*arguments).exit_code == 2
