# Everything from a clean clone; needs make and Python 3.11 or newer, nothing else.
#
#   make demo     climbs two ladders on data that scikit-learn carries
#   make test     style, types and tests
#   make lint     style and types alone
#   make chaos    the failure suite: half an hour of killed processes, full disks and misbehaving rungs
#   make docs     the pages that are generated: docs/rungs/ and docs/ladder.md
#   make clean    removes the environment
#
# PYTHON=python3.12 chooses the interpreter. pip's own settings (PIP_INDEX_URL, …) apply.

PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && exit; \
	done; echo python3)
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: demo test lint chaos docs clean

demo: $(VENV)/.installed
	@$(BIN)/rungwise demo

test: lint
	$(BIN)/pytest --numprocesses auto --no-loadscope-reorder

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

chaos: $(VENV)/.installed
	$(BIN)/python tests/chaos/suite.py

docs: $(VENV)/.installed-dev
	$(BIN)/python docs/make_cards.py

clean:
	rm -rf $(VENV)

$(VENV)/.installed: $(VENV)/.torch
	@echo "Installing rungwise and its other packages (2 of 2) …"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.torch
	@echo "Installing rungwise, its other packages and the tests' tools (2 of 2) …"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.installed $@

$(VENV)/.torch: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing torch, the largest package (1 of 2) …"
	@$(PIP) torch
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Rungwise needs" \
		"Python 3.11 or newer, and '$(PYTHON)' isn't ($$($(PYTHON) --version 2>&1)). Install one, or name it:" \
		"make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "'$(PYTHON)' can't create a virtual environment;" \
		"on Debian and Ubuntu: apt install python3-venv"; exit 1; }
