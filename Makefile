# What people run, and what CI runs: the same targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
# More than two processors have: end-to-end tests wait half of their time.
WORKERS ?= 3
TRAINING_WORKERS ?= 2
SINCE ?= HEAD
READY := $(VENV)/.ready
TRAINING := .venv-training
XLA := .venv-xla
CLIENTS := .venv-clients
NODE_CLIENTS := tests/e2e/clients/node
# Of 45,000 modules the ones that are imported are compiled, then.
INSTALL := install --quiet --disable-pip-version-check --no-compile

# A local cloud starts hundreds of processes: each module is compiled once, whoever asks otherwise.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup clients training xla train-all models demo up down test affected soak unit check lint types imports asl docs lock emulate release bench clean

help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the environment from the pinned requirements

$(READY): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Headrace needs Python 3.11 or newer; name one: make PYTHON=python3.13 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "This Python has no venv; on Debian: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip $(INSTALL) -r $(LOCK)
	$(BIN)/python -m pip $(INSTALL) --no-deps --no-build-isolation -e .
	@touch $(READY)

clients: setup $(CLIENTS)/.ready ## Make the environment of other people's clients, which end-to-end tests run

# Without npm, or without its packages, the clients for Node are not tried.
$(CLIENTS)/.ready: requirements/clients.txt $(NODE_CLIENTS)/package-lock.json
	$(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip $(INSTALL) --no-deps -r requirements/clients.txt
	mkdir -p $(CLIENTS)/node
	cp $(NODE_CLIENTS)/package.json $(NODE_CLIENTS)/package-lock.json $(CLIENTS)/node
	-command -v npm && npm ci --prefix $(CLIENTS)/node --no-audit --no-fund --silent
	@touch $@

training: setup $(TRAINING)/.ready ## Make the environment that trains models

$(TRAINING)/.ready: requirements/training.txt requirements/torch.in
	$(PYTHON) -m venv $(TRAINING)
	$(TRAINING)/bin/python -m pip $(INSTALL) \
	  -r requirements/training.txt -r requirements/torch.in
	@touch $@

xla: setup $(XLA)/.ready ## Count how often XLA compiles and runs a training's steps, on its CPU device
	PJRT_DEVICE=CPU $(XLA)/bin/python -m pytest -q tests/training/test_xla.py

$(XLA)/.ready: requirements/training.txt requirements/xla.in
	$(PYTHON) -m venv $(XLA)
	$(XLA)/bin/python -m pip $(INSTALL) -r requirements/training.txt -r requirements/xla.in
	@touch $@

train-all: training ## Train every recipe by three seeds, and hold all to their gates
	$(TRAINING)/bin/python -m models.train_all --into build/trained

models: setup ## Pull the models, with their hashes checked
	$(BIN)/headrace models pull

demo: setup ## Files in, cited answers out: the whole pipeline on this machine
	$(BIN)/headrace demo

up: setup ## Start the local cloud, until Ctrl-C
	$(BIN)/headrace up

down: setup ## Stop the local cloud
	$(BIN)/headrace down

# Workers share the processors: libraries that begin a thread for each wait for one another.
# Tests of training come first, as the others serve the small models that they train.
test: export OMP_NUM_THREADS = 1
test: export OPENBLAS_NUM_THREADS = 1
test: setup models training clients ## Run every test
	$(if $(TESTS),,$(TRAINING)/bin/python -m pytest -q -n $(TRAINING_WORKERS) --dist worksteal --timeout 400 --durations 15 --durations-min 5 tests/training)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope --durations 25 --durations-min 5 $(TESTS)

affected: export OMP_NUM_THREADS = 1
affected: export OPENBLAS_NUM_THREADS = 1
affected: setup ## Run the tests that changed files reach by imports; SINCE=main for those of a branch
	$(BIN)/python -m tests.affected --into build/affected --since $(SINCE)
	xargs -r $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadscope < build/affected/tests
	[ ! -x $(TRAINING)/bin/python ] || xargs -r $(TRAINING)/bin/python -m pytest -q -n $(TRAINING_WORKERS) --timeout 400 < build/affected/training

soak: ## Run every test, those that try again and again as often as they may
	HEADRACE_SOAK=1 $(MAKE) test

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

asl: setup ## Write the plain state machines into build/statemachines, and check them and the template
	$(BIN)/python -m infra.synthesis.state_machines --into build/statemachines
	$(BIN)/python -m pytest -q tests/architecture -k "asl or lint or machine or template"

docs: setup ## Docs that are generated are up to date, and links lead somewhere
	$(BIN)/python -m pytest -q tests/architecture tests/unit/cli -k "docs or links"

lock: setup ## Compile the pinned requirements again
	$(BIN)/python -m infra.lock

emulate: setup ## Import every arm64 bundle and run its sample event, emulated; before a release
	$(BIN)/python -m infra.packaging.emulator
	$(BIN)/headrace package --stage dev --architecture arm64
	$(BIN)/python -m infra.packaging.emulation build/package/dev-arm64

release: check soak emulate ## Run what a release must pass

bench: setup models ## Measure, and write dated results into benchmarks/results
	$(BIN)/python -m benchmarks

clean: ## Remove the environment and what the local cloud kept
	chmod -R u+w .headrace build 2>/dev/null || true
	rm -rf $(VENV) .headrace build
