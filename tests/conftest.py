"""What all tests share: golden files, texts that read back, and one profile for Hypothesis."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from tcaffe.ir.graph import Graph
from tcaffe.ir.parser import parse_graph, parse_program
from tcaffe.ir.printer import print_graph, print_program
from tcaffe.ir.program import Program
from tcaffe.ir.verify import verify_graph, verify_program
from tcaffe.passes import pipeline

settings.register_profile("tcaffe", deadline=None, derandomize=True)
settings.load_profile("tcaffe")


@dataclass(frozen=True)
class Golden:
    """Expected texts of one test, kept in `golden/` beside its file; `--update-golden` writes them anew."""

    folder: Path
    name: str
    update: bool

    def __call__(self, actual: str, name: str = "") -> None:
        """Assert that `actual` is the text in `golden/<name>.txt`; the test's own name is the default."""
        self._compare(self.folder / f"{name or self.name}.txt", actual.rstrip("\n") + "\n")

    def table(self, function: Callable[[str], str], name: str = "") -> None:
        """Assert output = function(input) for every case of `golden/<name>.txt`.

        A case is a line `=== title`, the input, a line `---`, and the output. To add one, write its title and
        input, then run with --update-golden.
        """
        path = self.folder / f"{name or self.name}.txt"
        cases = re.findall(r"^=== (.*)\n((?:(?!===|---).*\n)*)", path.read_text("utf-8"), re.MULTILINE)
        assert cases, f"{path} has no cases"
        done = [f"=== {title}\n{given}---\n{function(given[:-1]).rstrip()}\n" for title, given in cases]
        self._compare(path, "\n".join(done))

    def _compare(self, path: Path, actual: str) -> None:
        if self.update:
            path.parent.mkdir(exist_ok=True)
            path.write_text(actual, "utf-8")
        assert path.is_file(), f"{path} is missing: run pytest with --update-golden"
        assert actual == path.read_text("utf-8"), f"{path.name} differs; if the new text is right, use --update-golden"


READ_BACK = 60  # nodes of the graphs and kernels of the programs that are printed and read back in every test


@pytest.fixture(autouse=True)
def what_is_compiled_reads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever any test compiles, the text after every pass parses and prints like itself."""

    def graph(made: Graph) -> Graph:
        if len(made.nodes) <= READ_BACK:
            text = print_graph(made)
            assert print_graph(parse_graph(text)) == text
        return verify_graph(made)

    def program(made: Program) -> Program:
        if len(made.kernels) <= READ_BACK // 5:
            text = print_program(made)
            assert print_program(parse_program(text)) == text
        return verify_program(made)

    monkeypatch.setattr(pipeline, "verify_graph", graph)
    monkeypatch.setattr(pipeline, "verify_program", program)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what tests produce into their golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The expected texts of the test that asks."""
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    return Golden(request.path.parent / "golden", name, request.config.getoption("--update-golden"))
