# Each target does all of its own set-up: it makes .venv and installs what pyproject.toml names.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test lint clean

help:
	@echo "make demo   run the assignment: numbers on screen, pictures in demos/output/"
	@echo "make test   run the tests"
	@echo "make lint   check style and types"
	@echo "make clean  remove everything that was made"

demo: $(VENV)/.installed
	$(BIN)/python demos/feedforward.py
	$(BIN)/python demos/gradient_descent.py
	$(BIN)/python demos/xor.py

test: $(VENV)/.test
	$(BIN)/python -m pytest

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) demos/output .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Compiled once, minidl starts fast also where Python is told not to write byte code.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "minidl needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=/path/to/a/newer/python")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python -m compileall -q minidl
	@touch $@

$(VENV)/.test $(VENV)/.lint: $(VENV)/.%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@
