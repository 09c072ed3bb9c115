# Two commands on a fresh clone: `make demo` and `make test`. Needs Python >= 3.11, pip and make; all else goes to .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# pip works on the environment from outside, so that a Python shipped without ensurepip will do.
PIP    := $(PYTHON) -m pip --python $(BIN)/python --disable-pip-version-check
INPUTS := pyproject.toml constraints.txt
JOBS   ?= 2

.PHONY: help demo test lint types bench golden-gpu clean

help:
	@echo "make demo   train LeNet on real digits, classify others with it, and draw its memory plan"
	@echo "make test   ruff, mypy and the test suite"
	@echo "make bench  speed and memory against other engines on this machine (long)"
	@echo "make golden-gpu  recorded results of Caffe through GPU kernels in Triton's interpreter (long)"
	@echo "make clean  remove .venv and caches"

demo: $(VENV)/.installed
	$(BIN)/python examples/lenet/train.py
	$(BIN)/python examples/lenet/classify.py

test: lint types
	$(BIN)/python -m pytest -q -n $(JOBS) --durations=10

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .

types: $(VENV)/.installed-test
	$(BIN)/mypy

bench: $(VENV)/.installed-bench
	$(BIN)/python -m benchmarks.cpu

GOLDEN := ../shared/tools/golden_check.py

golden-gpu: $(VENV)/.installed-test
	@test -f $(GOLDEN) || { echo "there are no recorded results at $(GOLDEN)"; exit 1; }
	TRITON_INTERPRET=1 $(BIN)/python $(GOLDEN) --gpu

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tcaffe needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.installed: $(VENV)/pyvenv.cfg $(INPUTS)
	$(PIP) install -q -c constraints.txt -e . pip
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -q -c constraints.txt -e '.[test,dev]'
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed
	$(PIP) install -q -c constraints.txt -e '.[bench]'
	@touch $@
