# The two commands are `make run` and `make test`; each sets up what it needs on its first call.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
SETTLED := $(VENV)/.settled
SETTLED_DEV := $(VENV)/.settled-dev

.PHONY: run test unit lint lock packages bench dashboards pictures clean

run: $(SETTLED)
	$(BIN)/shopwatch demo

test: $(SETTLED_DEV) packages
	$(BIN)/python -m pytest

unit: $(SETTLED_DEV)  ## the fast tests only
	$(BIN)/python -m pytest -m "not integration"

lint: $(SETTLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(SETTLED_DEV) packages
	$(BIN)/python -m bench

dashboards: $(SETTLED)  ## write dashboards/*.json anew from their Python
	$(BIN)/python -m dashboards

pictures: $(SETTLED_DEV) packages  ## take the pictures of the README anew
	$(BIN)/python -m tools.pictures

# What the tests start for real. Only root can install; without root, a missing program is named and its tests skip.
packages:
	@sh tools/packages

$(SETTLED): requirements/core.txt requirements/build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shopwatch needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 run")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/core.txt -r requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(SETTLED_DEV): $(SETTLED) requirements/dev.txt
	$(PIP) install --require-hashes -r requirements/dev.txt
	touch $@

lock:  ## pin the newest versions that the .in files allow, with hashes and without any index URL
	sh tools/lock $(PYTHON)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
