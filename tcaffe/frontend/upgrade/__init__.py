"""Upgrades: nets and solvers of every age, as the current format says them."""

from tcaffe.frontend.upgrade.net import Upgraded, upgrade_net
from tcaffe.frontend.upgrade.report import Locate
from tcaffe.frontend.upgrade.solver import UpgradedSolver, upgrade_solver

__all__ = ["Locate", "Upgraded", "UpgradedSolver", "upgrade_net", "upgrade_solver"]
