"""Settings: a solver's prototxt, checked, with the nets it names and the state each is read in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tcaffe.diagnostics import Reporter, Span, suggest
from tcaffe.frontend.bind import read_message
from tcaffe.frontend.load import NetInState, Source, read_file, read_source, read_state
from tcaffe.frontend.upgrade import upgrade_solver
from tcaffe.schema import caffe_pb2
from tcaffe.train.rules import RULES
from tcaffe.train.schedule import POLICIES

File = str | os.PathLike[str]
REGULARIZATIONS = ("L2", "L1")
NETS = ("net", "net_param", "train_net", "train_net_param")


@dataclass(frozen=True)
class Settings:
    """A solver: its message in the current format, its train net and test nets, and the folder its file is in."""

    message: Any
    train: NetInState
    tests: tuple[NetInState, ...]
    folder: Path


def read_settings(
    file: File, rule: str | None = None, *, level: int | None = None, stages: Sequence[str] = ()
) -> Settings:
    """The settings in a solver's file; `rule` goes before the `type` it says, `level` before that of `train_state`.

    `stages` are more stages of the train net. Raises CompileError with every problem of the solver, or of its nets.
    """
    path = Path(file)
    bound = read_message(read_file(path), caffe_pb2.SolverParameter, str(path))
    message = upgrade_solver(bound.message, bound.spans.nearest).solver
    if rule is not None:
        message.type = rule
    if level is not None:
        message.train_state.level = level
    message.train_state.stage.extend(stages)
    reporter = Reporter()
    Checks(message, lambda field: bound.spans.nearest((field,)), reporter).run()
    reporter.raise_if_errors()
    _complete_prefix(message, path)
    return Settings(message, _train_net(message, path.parent), tuple(_test_nets(message, path.parent)), path.parent)


@dataclass
class Checks:
    """What has to hold of a solver, each problem at its field."""

    message: Any
    locate: Callable[[str], Span | None]
    reporter: Reporter

    def run(self) -> None:
        """Report everything that is wrong."""
        m = self.message
        given = [field for field in NETS if m.HasField(field)]
        told = ", ".join(f"`{field}`" for field in given) or "none"
        self._require(len(given) == 1, "E0801", given[-1] if given else "net", f"one net to train is needed: {told}")
        self._known("type", m.type, RULES)
        self._known("lr_policy", m.lr_policy, POLICIES)
        self._known("regularization_type", m.regularization_type, REGULARIZATIONS)
        self._ranges()
        self._tests()

    def _known(self, field: str, name: str, names: Any) -> None:
        if name not in names:
            said = f"there is no {field} `{name}`" if name else f"`{field}` is missing"
            note = f"it is one of {', '.join(names)}"
            self.reporter.error("E0802", said, self.locate(field), note, suggest(name, names))

    def _ranges(self) -> None:
        m = self.message
        adaptive = m.type in ("AdaGrad", "RMSProp")
        self._require(not adaptive or m.momentum == 0, "E0803", "momentum", f"{m.type} has no momentum")
        decays = m.type != "RMSProp" or 0 <= m.rms_decay < 1
        self._require(decays, "E0803", "rms_decay", "rms_decay is at least 0 and less than 1")
        self._require(m.average_loss >= 1, "E0803", "average_loss", "average_loss is at least 1")
        self._require(m.iter_size >= 1, "E0803", "iter_size", "iter_size is at least 1")
        steps = m.lr_policy not in ("step", "sigmoid") or m.stepsize > 0
        self._require(steps, "E0803", "stepsize", f"lr_policy {m.lr_policy} needs a stepsize above 0")
        falls = m.lr_policy in ("fixed", "poly") or m.gamma >= 0
        self._require(falls, "E0803", "gamma", "gamma is not negative")
        self._require(m.lr_policy != "poly" or m.max_iter > 0, "E0803", "max_iter", "lr_policy poly needs a max_iter")

    def _tests(self) -> None:
        m = self.message
        own, iters = len(m.test_net_param) + len(m.test_net), len(m.test_iter)
        generic = m.HasField("net") or m.HasField("net_param")
        enough = iters >= own if generic else iters == own
        self._require(enough, "E0804", "test_iter", f"there are {own} test nets and {iters} test_iter")
        self._require(not iters or m.test_interval > 0, "E0804", "test_iter", "testing needs a test_interval above 0")
        states = len(m.test_state) in (0, iters)
        self._require(states, "E0804", "test_state", f"{len(m.test_state)} test_state for {iters} test nets")

    def _require(self, holds: bool, code: str, field: str, message: str) -> None:
        if not holds:
            self.reporter.error(code, message, self.locate(field))


def _train_net(message: Any, folder: Path) -> NetInState:
    field = next(field for field in NETS if message.HasField(field))
    return _in_state(getattr(message, field), folder, "TRAIN", message.train_state)


def _test_nets(message: Any, folder: Path) -> Iterator[NetInState]:
    """The test nets in Caffe's order: inline ones, files, then the net that is trained."""
    generic = message.net if message.HasField("net") else message.net_param
    sources = [*message.test_net_param, *message.test_net]
    sources += [generic] * (len(message.test_iter) - len(sources))
    for k, source in enumerate(sources):
        state = message.test_state[k] if message.test_state else caffe_pb2.NetState()
        yield _in_state(source, folder, "TEST", state)


def _in_state(source: Source, folder: Path, phase: str, state: Any) -> NetInState:
    """A net in a phase, unless its own state, or before that one `state` of the solver, says otherwise."""
    if isinstance(source, str):
        source = found(source, folder)
    own = read_source(source).message.state
    for each in (own, state):
        phase = caffe_pb2.Phase.Name(each.phase) if each.HasField("phase") else phase
    level = state.level if state.HasField("level") else own.level
    return read_state(source, phase=phase, level=level, stages=tuple(state.stage))


def found(path: str, folder: Path) -> Path:
    """A path of a solver: as Caffe finds it, from the working folder, else from that of the solver's file."""
    return folder / path if not Path(path).exists() and (folder / path).exists() else Path(path)


def _complete_prefix(message: Any, path: Path) -> None:
    """Name the snapshots after the solver's file where it does not, or names a folder alone."""
    if not message.snapshot_prefix:
        message.snapshot_prefix = str(path.with_suffix(""))
    elif Path(message.snapshot_prefix).is_dir():
        message.snapshot_prefix = str(Path(message.snapshot_prefix) / path.stem)


def weight_files(message: Any, folder: Path) -> list[Path]:
    """The weights a solver starts from; an entry may name several files, separated by commas."""
    names = (name.strip() for entry in message.weights for name in entry.split(","))
    return [found(name, folder) for name in names if name]


