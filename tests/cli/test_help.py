"""What the commands say of themselves, and how soon."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from tcaffe.cli.group import COMMANDS


def test_help_of_the_whole(cli, golden) -> None:
    golden(cli("--help").output)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of(cli, golden, name: str) -> None:
    golden(cli(name, "--help").output, f"help-{name}")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_shows_an_example(cli, name: str) -> None:
    assert f"\n  tcaffe {name} " in cli(name, "--help").output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_names_what_the_modules_hold(name: str) -> None:
    module = name.replace("-", "_")
    assert getattr(import_module(f"tcaffe.cli.commands.{module}"), module).name == name


def test_a_typo_is_answered_with_the_nearest_name(cli) -> None:
    result = cli("sumary")
    assert result.exit_code == 2
    assert "did you mean `summary`?" in result.stderr


def test_help_needs_no_compiler() -> None:
    code = "import sys; from tcaffe.cli import main; main(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "tcaffe.cli.group" in loaded
    assert not {"numpy", "rich", "lark", "google.protobuf", "tcaffe.compiler"} & loaded
