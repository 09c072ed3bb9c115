"""Solvers: the update rule by name instead of by enum, and the nets inside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tcaffe.diagnostics import Diagnostic
from tcaffe.frontend.bound import FieldPath
from tcaffe.frontend.upgrade.net import Upgraded, upgrade_net
from tcaffe.frontend.upgrade.report import Locate, Report, nowhere
from tcaffe.schema import caffe_pb2

RULES = {
    "SGD": "SGD", "NESTEROV": "Nesterov", "ADAGRAD": "AdaGrad", "RMSPROP": "RMSProp", "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}  # fmt: skip


@dataclass(frozen=True)
class UpgradedSolver:
    """A solver in the current format; `nets` are the upgrades of its inline nets, by the path of the field."""

    solver: caffe_pb2.SolverParameter
    nets: Mapping[FieldPath, Upgraded]
    changed: bool

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """Warnings of what could not be carried over."""
        return tuple(note for net in self.nets.values() for note in net.notes)


def upgrade_solver(solver: caffe_pb2.SolverParameter, locate: Locate = nowhere) -> UpgradedSolver:
    """`solver` with its rule as `type` and its inline nets in the current format; the argument stays as it is.

    Raises CompileError where both `solver_type` and `type` are given (E0336), and for nets as `upgrade_net` does.
    """
    report = Report(locate)
    new = caffe_pb2.SolverParameter()
    new.CopyFrom(solver)
    if new.HasField("solver_type"):
        if new.HasField("type"):
            report.error("E0336", "the solver has both `type` and the old `solver_type`", ("solver_type",))
            report.reporter.raise_if_errors()
        new.type = RULES[caffe_pb2.SolverParameter.SolverType.Name(new.solver_type)]
        new.ClearField("solver_type")
    nets = {}
    for path, net in _inline_nets(new):
        nets[path] = upgraded = upgrade_net(net, _within(path, locate))
        net.CopyFrom(upgraded.net)
    return UpgradedSolver(new, nets, new != solver)


def _within(outer: FieldPath, locate: Locate) -> Locate:
    """The places of the values of the message at `outer`."""
    return lambda path: locate((*outer, *path))


def _inline_nets(solver: caffe_pb2.SolverParameter) -> Iterator[tuple[FieldPath, caffe_pb2.NetParameter]]:
    """The nets that stand in the solver itself, each with its path."""
    for field in ("net_param", "train_net_param"):
        if solver.HasField(field):
            yield (field,), getattr(solver, field)
    for i, net in enumerate(solver.test_net_param):
        yield ("test_net_param", i), net
