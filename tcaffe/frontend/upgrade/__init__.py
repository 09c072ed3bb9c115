"""Upgrades: nets and solvers of every age, as the current format says them."""

from tcaffe.frontend.upgrade.net import Upgraded, upgrade_net
from tcaffe.frontend.upgrade.solver import upgrade_solver

__all__ = ["Upgraded", "upgrade_net", "upgrade_solver"]
