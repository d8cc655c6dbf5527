# Two commands for a fresh machine with Python 3.10 or newer, git and make: `make check` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: check test lint bench combos clean

check: $(VENV)/.checked-out  ## build an environment that is broken although pip says it is fine, and audit it
	@$(BIN)/python fixtures/example.py

test: $(STAMP)  ## lint, type-check, and run every test with branch coverage
	$(MAKE) --no-print-directory lint
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## side by side with pip check and uv pip check, in one run
	$(BIN)/python -m benchmarks.bench

combos: $(STAMP)  ## build known-broken sets of wheels and their healthy twins for ten minutes, and count
	$(BIN)/python -m tests.e2e.combos --minutes 10

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# What `make check` needs: the program alone; without a network the sources are run in place.
$(VENV)/.checked-out: pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --retries 1 --editable . && touch $@ \
	  || echo "envaudit could not be installed; is the package index out of reach?"

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python --editable . --group lint
	@touch $@
