"""Solvers: the update rule by name instead of by enum."""

from __future__ import annotations

from typing import Any

from tcaffe.diagnostics import CompileError, Diagnostic
from tcaffe.frontend.upgrade.net import upgrade_net
from tcaffe.schema import caffe_pb2

RULES = {
    "SGD": "SGD", "NESTEROV": "Nesterov", "ADAGRAD": "AdaGrad", "RMSPROP": "RMSProp", "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}  # fmt: skip
INLINE_NETS = ("net_param", "train_net_param")


def upgrade_solver(solver: Any) -> Any:
    """`solver` with its rule as `type` and its inline nets in the current format; the argument stays as it is.

    Raises CompileError where both `solver_type` and `type` are given.
    """
    new = caffe_pb2.SolverParameter()
    new.CopyFrom(solver)
    if new.HasField("solver_type"):
        if new.HasField("type"):
            raise CompileError([Diagnostic("E0336", "the solver has both `type` and the old `solver_type`")])
        new.type = RULES[caffe_pb2.SolverParameter.SolverType.Name(new.solver_type)]
        new.ClearField("solver_type")
    for field in INLINE_NETS:
        if new.HasField(field):
            getattr(new, field).CopyFrom(upgrade_net(getattr(new, field)).net)
    for net in new.test_net_param:
        net.CopyFrom(upgrade_net(net).net)
    return new
