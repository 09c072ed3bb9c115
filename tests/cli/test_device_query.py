"""`tcaffe device-query`: facts about the machine that runs the tests."""

from __future__ import annotations

import json
import os

import numpy as np


def test_the_machine_is_told(cli):
    found = json.loads(cli("device-query", "--json").stdout)
    assert found["cpu"]["cores"] == os.cpu_count() and 1 <= found["cpu"]["usable"] <= os.cpu_count()
    assert found["versions"]["numpy"] == np.__version__
    assert found["cpu"]["name"] and isinstance(found["gpus"], list)
    assert "processor" in cli("device-query").stdout
