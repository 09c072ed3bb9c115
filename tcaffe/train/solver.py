"""The solver: iterations, tests, snapshots and what is said of them, around whatever computes the gradients."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, get_args

import numpy as np

from tcaffe.schema import caffe_pb2
from tcaffe.train.bookmark import Bookmark, Place, bookmark_path, read_bookmark, write_bookmark
from tcaffe.train.group import ALONE, Group
from tcaffe.train.report import Arrays, Means, output_lines, plain, shown
from tcaffe.train.rules import RULES
from tcaffe.train.schedule import Schedule
from tcaffe.train.settings import Settings
from tcaffe.train.snapshot import State, check_prefix, read_state, restored, write_state

Action = Literal["none", "snapshot", "stop"]
ACTIONS: tuple[Action, ...] = get_args(Action)  # the later, the more it matters


class Engine(Protocol):
    """What trains a net: it holds the parameters and what the rule remembers of them."""

    @property
    def name(self) -> str:
        """The net's name."""

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""

    def iterate(self, rate: float, debug: Callable[[str], None] | None = None) -> float:
        """Pass over the sub-batches of one iteration and update, the rate corrected as the rule asks; the mean loss.

        `debug` is given lines that tell how large data and gradients are.
        """

    def outputs(self) -> Arrays:
        """The outputs of the last pass, in their order."""

    def forward(self) -> float:
        """A forward pass alone; the loss."""

    @property
    def memory(self) -> Sequence[np.ndarray]:
        """What the rule remembers, in Caffe's order: the arrays themselves."""

    place: Place
    """Where data and random numbers stand; setting it goes on from there."""

    def save(self, path: Path) -> None:
        """Write the weights, as HDF5 if the name ends in .h5."""

    def load(self, path: Path) -> None:
        """Take the weights of layers with the same names."""


class Tester(Protocol):
    """A test net, which has the weights that are being trained."""

    @property
    def loss_weights(self) -> Mapping[str, float]:
        """The weight of each loss."""

    place: Place
    """Where data and random numbers stand; setting it goes on from there."""

    def run(self) -> tuple[float, Arrays]:
        """A forward pass: the loss, and the outputs in their order."""


@dataclass
class Solver:
    """Training by the settings of a solver's file.

    `say` is given the lines that the original logs, `poll` says whether somebody wants it to stop or to take a
    snapshot, `measured` is given a record of each displayed iteration and each test, `ticked` the number of each
    iteration, from 1, and its loss.
    """

    settings: Settings
    engine: Engine
    tests: Sequence[Tester] = ()
    say: Callable[[str], None] = lambda line: None
    poll: Callable[[], Action] = lambda: "none"
    measured: Callable[[dict[str, Any]], None] = lambda record: None
    ticked: Callable[[int, float], None] = lambda iteration, loss: None
    group: Group = ALONE
    iteration: int = 0
    schedule: Schedule = field(init=False)

    def __post_init__(self) -> None:
        self.schedule = Schedule(self.settings.message)
        self._losses: deque[float] = deque(maxlen=self.settings.message.average_loss)
        self._shown = (time.perf_counter(), 0)
        self._stopping = False
        if self.settings.message.snapshot and self.group.rank == 0:
            check_prefix(self.settings.message.snapshot_prefix)

    # ── iterations ──────────────────────────────────────────────────────────────────────────────────

    def solve(self, state: str | None = None) -> bool:
        """Train up to `max_iter`, from a snapshot's state if one is given; whether it got there."""
        m = self.settings.message
        self.say(f"Solving {self.engine.name}")
        self.say(f"Learning Rate Policy: {m.lr_policy}")
        if state is not None:
            self.restore(state)
        self.step(m.max_iter - self.iteration)
        if m.snapshot_after_train and (not m.snapshot or self.iteration % m.snapshot):
            self.snapshot()
        if self._stopping:
            self.say("Optimization stopped early.")
            return False
        if m.display and self.iteration % m.display == 0:
            self.say(f"Iteration {self.iteration}, loss = {shown(self.engine.forward())}")
        if m.test_interval and self.iteration % m.test_interval == 0:
            self.test()
        self.say("Optimization Done.")
        return True

    def step(self, count: int) -> None:
        """`count` more iterations, with the tests, displays and snapshots that are due."""
        m = self.settings.message
        self._losses.clear()
        self._shown, self._stopping = (time.perf_counter(), self.iteration), False
        for _ in range(count):
            due = m.test_interval > 0 and self.iteration % m.test_interval == 0
            if due and (self.iteration > 0 or m.test_initialization):
                self.test()
                self._stopping = self._agreed("stop" if self._stopping else "none") == "stop"
            if self._stopping:
                return
            self._iterate(m)
            wanted = self._agreed(self.poll())
            self._stopping = wanted == "stop"
            if wanted == "snapshot" or (m.snapshot > 0 and self.iteration % m.snapshot == 0):
                self.snapshot()
            if self._stopping:
                return

    def _agreed(self, wanted: Action) -> Action:
        """What the process wants that wants the most."""
        return ACTIONS[self.group.largest(ACTIONS.index(wanted))]

    def _iterate(self, m: Any) -> None:
        rate = self.schedule.rate(self.iteration)
        shows = m.display > 0 and self.iteration % m.display == 0
        debug = self.say if shows and m.debug_info else None
        self._losses.append(self.engine.iterate(self.corrected(rate), debug))
        if shows:
            self._display(rate)
        self.iteration += 1
        self.ticked(self.iteration, self._losses[-1])

    def corrected(self, rate: float) -> float:
        """The rate with which the rule updates now."""
        m = self.settings.message
        return RULES[m.type].rate(m, rate, self.iteration)

    def _display(self, rate: float) -> None:
        now, (then, before) = time.perf_counter(), self._shown
        done, seconds = self.iteration - before, now - then
        every = self.settings.message.display
        speed = f"{shown(done / seconds if seconds else 0)} iter/s, {shown(seconds)}s/{every} iters"
        loss = float(np.mean(self._losses))
        self.say(f"Iteration {self.iteration} ({speed}), loss = {shown(loss)}")
        outputs = self.engine.outputs()
        for line in output_lines("Train", outputs, self.engine.loss_weights):
            self.say(line)
        self.say(f"Iteration {self.iteration}, lr = {shown(rate)}")
        self._shown = (now, self.iteration)
        self.measured(
            {"iteration": self.iteration, "phase": "train", "loss": loss, "lr": rate, "outputs": plain(outputs)}
        )

    # ── tests ───────────────────────────────────────────────────────────────────────────────────────

    def test(self) -> None:
        """Run all test nets, as many passes each as `test_iter` says, and tell the means of their outputs."""
        for number, tester in enumerate(self.tests):
            self.say(f"Iteration {self.iteration}, Testing net (#{number})")
            means = Means()
            for _ in range(self.settings.message.test_iter[number]):
                if self._interrupted():
                    self.say("Test interrupted.")
                    return
                means.add(*tester.run())
            self._tell_test(number, means, tester.loss_weights)

    def _tell_test(self, number: int, means: Means, weights: Mapping[str, float]) -> None:
        if self.settings.message.test_compute_loss:
            self.say(f"Test loss: {shown(means.loss)}")
        for line in output_lines("Test", means.outputs, weights):
            self.say(line)
        self.measured({
            "iteration": self.iteration, "phase": "test", "test_net": number, "loss": means.loss,
            "outputs": plain(means.outputs),
        })  # fmt: skip

    def _interrupted(self) -> bool:
        """Do what is wanted in the middle of a test; whether that is to stop."""
        while (wanted := self.poll()) != "none":
            if wanted == "snapshot":
                self.snapshot()
            self._stopping = self._stopping or wanted == "stop"
        return self._stopping

    # ── snapshots ───────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> None:
        """Write weights and state, named after the iteration, if this process is the first. Raises OSError."""
        if self.group.rank > 0:
            return
        m = self.settings.message
        hdf5 = m.snapshot_format == caffe_pb2.SolverParameter.HDF5
        kind, ending = ("HDF5", ".h5") if hdf5 else ("binary proto", "")
        stem = f"{m.snapshot_prefix}_iter_{self.iteration}"
        weights, state = Path(f"{stem}.caffemodel{ending}"), Path(f"{stem}.solverstate{ending}")
        places = self.engine.place, tuple(tester.place for tester in self.tests)
        write_bookmark(bookmark_path(state), Bookmark(self.iteration, *places))  # first: a state is never without one
        self.say(f"Snapshotting to {kind} file {weights}")
        self.engine.save(weights)
        self.say(f"Snapshotting solver state to {kind} file {state}")
        write_state(state, State(self.iteration, str(weights), self.schedule.step, tuple(self.engine.memory)))

    def restore(self, path: str) -> None:
        """Go on from a state, and where its bookmark says data and random numbers stand, if there is one.

        Raises CompileError where it is of another net or rule, or its weights are missing.
        """
        state = read_state(path)
        arrays = restored(state, [array.shape for array in self.engine.memory], path)
        if state.weights:
            self.engine.load(self._weights_of(state, path))
        for own, array in zip(self.engine.memory, arrays, strict=True):
            np.copyto(own, array)
        self.iteration, self.schedule.step = state.iteration, state.step
        bookmark = read_bookmark(bookmark_path(path))
        if bookmark and bookmark.iteration == state.iteration:
            self.engine.place = bookmark.train
            for tester, place in zip(self.tests, bookmark.tests, strict=False):
                tester.place = place

    def _weights_of(self, state: State, path: str) -> Path:
        """The weights of a state: where it says, or beside it where both have been moved."""
        beside = Path(path).with_name(Path(state.weights).name)
        return beside if not Path(state.weights).exists() and beside.exists() else Path(state.weights)
