# Every target is one line that calls `billing` or a tool. `make` alone lists them.
# make run PORT=3006   make run UP="--detach"   make test ARGS="-k refunds"   make chaos SEED=7 SCHEDULES=20 MUTANTS=1

PORT ?= 3005
UP ?=
ARGS ?=
ONLY ?=
SEED ?=
SCHEDULES ?= 5
MUTANTS ?=
DRILLS ?=
STORIES ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-header --upgrade pyproject.toml
NOT_UNIT := --ignore=tests/unit --ignore=tests/architecture --ignore=tests/browser

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast test-unit test-integration test-browser bench chaos check format lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.installed ## Make the environment for running

run: .venv/.installed ## Start the whole local stack (PORT=3005, UP="--detach")
	@$(BIN)/billing up --port $(PORT) $(UP)

test: .venv/.installed-dev ## Run the whole test suite, on servers of its own
	$(BIN)/pytest -n 2 --dist loadfile --ignore=tests/browser $(ARGS)

test-fast: .venv/.installed-dev ## Run the tests that need no server, stop at the first failure
	$(BIN)/pytest -x -q -n 2 --dist loadfile tests/unit tests/architecture $(ARGS)

test-unit: .venv/.installed-dev ## Run the unit tests
	$(BIN)/pytest tests/unit $(ARGS)

test-integration: .venv/.installed-dev ## Run the tests that need servers
	$(BIN)/pytest $(NOT_UNIT) $(ARGS)

test-browser: .venv/.installed-dev ## Run the tests of pages, in headless Chromium (Debian: apt-get install chromium)
	$(BIN)/pytest tests/browser $(ARGS)

bench: .venv/.installed-dev ## Measure the hot paths beside the machine's own limit (ONLY="payments webhook_intake")
	@$(BIN)/python -m bench $(ONLY)

chaos: .venv/.installed-dev ## Break the whole stack on purpose and check the books (SEED=1 SCHEDULES=20 MUTANTS=1)
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) --schedules $(SCHEDULES) $(if $(MUTANTS),--mutants) $(if $(DRILLS),--drills) $(if $(STORIES),--stories)

check: .venv/.installed-dev ## Check format, style, types and the contracts between packages
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

format: .venv/.installed-dev ## Format the code and mend what can be mended by a machine
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

lock: .venv/.installed-dev ## Resolve the newest allowed versions into the lock files
	$(COMPILE) --extra local -o requirements.lock
	$(COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## Remove the environment and all caches; the data of the local stack (.billing) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info

# The environment is whole when its stamp is there: a run that was cut off starts over.
.venv/.installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing the packages of $< …"
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.installed-dev: requirements-dev.lock .venv/.installed
	@echo "Installing the packages of $< …"
	@$(PIP) install --require-hashes -r $<
	@touch $@

# 3.11 first: that is what the lock files were resolved for. PYTHON=/path/to/python chooses another.
.venv/bin/python:
	@for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14; do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making .venv with $$python …"; \
			exec "$$python" -m venv .venv; \
		fi; \
	done; \
	echo "error: Python 3.11 or newer is needed, and none was found." >&2; \
	echo "  mend: install it, or say where it is: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; \
	exit 1
