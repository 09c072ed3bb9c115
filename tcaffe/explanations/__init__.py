"""The long text of every diagnostic code, for `tcaffe explain E0123`: a file for each range of codes.

To add a code, add one entry: a first line that names the problem, then what it means and how to mend it.
"""

from __future__ import annotations

from inspect import cleandoc

from tcaffe.explanations.files import FILES
from tcaffe.explanations.ir import IR
from tcaffe.explanations.layers import LAYERS
from tcaffe.explanations.net import NET
from tcaffe.explanations.schema import SCHEMA
from tcaffe.explanations.solver import SOLVER
from tcaffe.explanations.syntax import SYNTAX
from tcaffe.explanations.weights import WEIGHTS

EXPLANATIONS = SYNTAX | SCHEMA | NET | LAYERS | WEIGHTS | FILES | IR | SOLVER


def explain(code: str) -> str:
    """The long text of a code, its first line a title; raises KeyError for an unknown code."""
    return f"{code}: {cleandoc(EXPLANATIONS[code])}"
