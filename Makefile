# Each target does all of its own set-up: it makes .venv and installs what pyproject.toml names.
PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BENCH := .venv-bench
BRIDGES := .venv-integrations
BIN := $(VENV)/bin

.PHONY: help demo test quick lint coverage lowest integrations bench docs playground dev clean

help:
	@echo "make demo      run the assignment: numbers on screen, pictures in demos/output/"
	@echo "make test      run the tests on all cores, without the longest ones, on few random examples each"
	@echo "make quick     run the tests that take little time: no demos, no long runs"
	@echo "make lint      check style and types"
	@echo "make coverage  run all tests but those of the bridges, and report the lines and branches that they miss"
	@echo "make lowest    run the quick tests with the oldest NumPy and Matplotlib that are allowed"
	@echo "make integrations  run the tests of minidl/integrations with the real packages: PyTorch, Keras, scikit-learn, …"
	@echo "make bench     measure time and accuracy here and elsewhere, into docs/benchmarks.md; QUICK=1 only shows it"
	@echo "make docs      build the documentation, with a gallery of the demos, into docs/_build/html"
	@echo "make playground  build the page that runs minidl in a browser, into docs/_build/playground"
	@echo "make dev       install everything that the other targets need, except for make lowest and make bench"
	@echo "make clean     remove everything that was made"

demo: $(VENV)/.installed
	$(BIN)/python demos/feedforward.py
	$(BIN)/python demos/gradient_descent.py
	$(BIN)/python demos/xor.py

test: $(VENV)/.test
	HYPOTHESIS_PROFILE=few $(BIN)/python -m pytest -n auto -m "not long"

quick: $(VENV)/.test
	$(BIN)/python -m pytest -n auto -m "not slow"

coverage: $(VENV)/.coverage
	$(BIN)/python -m pytest -n auto --ignore=tests/integrations --cov --cov-report=term

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lowest: $(LOWEST)/.installed
	HYPOTHESIS_PROFILE=few $(LOWEST)/bin/python -m pytest -n auto -m "not slow and not long"

integrations: $(BRIDGES)/.integrations
	BRIDGES=required KERAS_BACKEND=torch $(BRIDGES)/bin/python -m pytest -n auto tests/integrations minidl/integrations \
		--cov=minidl/integrations --cov-branch --cov-config= --cov-report=term:skip-covered --cov-fail-under=95

bench: $(BENCH)/.installed
	$(BENCH)/bin/python -m tests.benchmarks $(if $(QUICK),--quick,--write docs/benchmarks.md) \
		$(if $(JSON),--json $(JSON)) $(if $(COMPARE),--compare $(COMPARE))

# Matrices are small here, and one thread is what the running times of the demos are quoted for.
docs: $(VENV)/.docs
	@echo "building the site: under a minute if neither minidl nor the demos have changed, otherwise three to five"
	@PYTHONPATH=docs/_ext $(BIN)/python -m doctest docs/_ext/demo_runs.py docs/_ext/display.py \
		docs/_ext/docstrings.py docs/_ext/gallery.py docs/_ext/glossary_links.py docs/_ext/mathml.py docs/_ext/replay.py
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx -b html -n -W --keep-going -q docs docs/_build/html
	@touch docs/_build/.built
	@echo "built: docs/_build/html/index.html"

# The parts that it fetches, 98 MB, are kept in docs/_build/playground-cache.
playground: $(VENV)/.installed
	$(BIN)/python docs/playground/build.py

clean:
	rm -rf $(VENV) $(LOWEST) $(BENCH) $(BRIDGES) demos/output docs/_build docs/gallery docs/learn/*.gif \
		docs/sg_execution_times.rst .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Compiled once, minidl starts fast also where Python is told not to write byte code.
$(VENV)/.installed $(LOWEST)/.installed $(BRIDGES)/.installed: %/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "minidl needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; say make PYTHON=/path/to/a/newer/python")'
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$*/bin/python -m pip install --quiet --editable . $(if $(findstring lowest,$*),$(OLDEST) --group test)
	$*/bin/python -m compileall -q minidl
	@touch $@

# The lower bounds of the runtime dependencies, as exact versions.
OLDEST = $$($(PYTHON) -c 'import tomllib; print(*(d.replace(">=", "==") for d in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))')

dev: $(VENV)/.test $(VENV)/.lint $(VENV)/.coverage $(VENV)/.docs

$(VENV)/.test $(VENV)/.lint $(VENV)/.coverage $(VENV)/.docs: $(VENV)/.%: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group $*
	@touch $@

$(BRIDGES)/.integrations: $(BRIDGES)/.installed
	$(BRIDGES)/bin/python -m pip install --quiet --group integrations
	@touch $@

# The competitors are large, and not for every machine: what cannot be had is left out of the comparison.
$(BENCH)/.installed: pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BENCH)/bin/python -m pip install --quiet --editable .
	$(BENCH)/bin/python -m pip install --quiet --group bench || for peer in $(PEERS); do \
		$(BENCH)/bin/python -m pip install --quiet "$$peer" || echo "the benchmark goes without $$peer"; done
	@touch $@

PEERS = $$($(PYTHON) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["bench"])')
