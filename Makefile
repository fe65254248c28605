# The two commands are `make run` and `make test`; everything they need is set up on the first call.
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_DEV := $(VENV)/.ready-dev
PYTHON ?= python3

.PHONY: run test setup lint lock bench clean

run: $(READY)
	$(BIN)/shopwatch demo

$(READY): requirements/core.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/core.txt
	$(BIN)/python tools/link.py
	touch $@
