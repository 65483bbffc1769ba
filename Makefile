# `make` alone prints this list.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
RUN    ?= runs/demo
SEED   ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check lint services format clean

help:  ## Print what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "HepaFed needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=... to another interpreter.")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $(READY)

demo: $(READY)  ## Invented hospitals, federated training, report, one prediction (clici)
	$(BIN)/hepafed demo clici --out $(RUN) --seed $(SEED)

test: $(READY)  ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: lint test  ## Format, lint, types, import contracts and tests

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

services:  ## Install Orthanc and dcmtk from Debian for the PACS tests (needs root)
	tests/network/install_services.sh

format: $(READY)  ## Put the code into its form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## Remove the environment and the demo's run
	rm -rf $(VENV) $(RUN)
