# What people run, and what CI runs: the same targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
WORKERS ?= 2
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup models demo up down test unit check lint types imports asl docs lock bench clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the environment from the pinned requirements

$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Headrace needs Python 3.11 or newer; name one: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "This Python has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(LOCK)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

models: setup ## Pull the models, with their hashes checked
	$(BIN)/headrace models pull

demo: setup ## Files in, cited answers out: the whole pipeline on this machine
	$(BIN)/headrace demo

up: setup ## Start the local cloud, until Ctrl-C
	$(BIN)/headrace up

down: setup ## Stop the local cloud
	$(BIN)/headrace down

test: setup models ## Run every test
	$(BIN)/python -m pytest -q -n $(WORKERS) $(TESTS)

unit: setup ## Run the fast tests only
	$(BIN)/python -m pytest -q tests/unit tests/architecture

check: lint types imports asl docs ## Lint, types, imports, state machines, docs

lint: setup ## Style and common mistakes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Strict types
	$(BIN)/mypy

imports: setup ## Imports go downhill only
	$(BIN)/lint-imports

asl: setup ## State machines and the template they are deployed by
	$(BIN)/python -m pytest -q tests/architecture -k "asl or machine or template"

docs: setup ## Docs that are generated are up to date, and links lead somewhere
	$(BIN)/python -m pytest -q tests/architecture tests/unit/cli -k "docs or links"

lock: setup ## Compile the pinned requirements again
	$(BIN)/python -m infra.lock

bench: setup models ## Measure, and write dated results into benchmarks/results
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and what the local cloud kept
	rm -rf $(VENV) .headrace build
