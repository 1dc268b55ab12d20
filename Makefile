# `make demo` shows the product, `make test` tests it, `make stack` runs it as in production. See `make help`.
PYTHON ?= python3
PORT ?= 8000
GATEWAY_PORT ?= 9000
GATEWAYS ?= 1
VAR_DIR ?= var
UV_VERSION := 0.13.8
BIN := .venv/bin
# --inexact keeps uv from removing itself from this environment. Compiling all packages takes longer than the demo's
# first start, so only what starts repeatedly (stack, tests) is compiled.
SYNC := $(BIN)/uv sync -q --frozen --inexact --no-default-groups
COMPILED := --compile-bytecode
unexport PYTHONDONTWRITEBYTECODE
LOCK := pyproject.toml uv.lock
export VIRTUAL_ENV := $(CURDIR)/.venv
export DJANGO_SETTINGS_MODULE ?= cpms.settings.base
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

.venv/.uv:
	@$(PYTHON) tools/packages.py venv
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/.run: .venv/.uv $(LOCK)
	@echo "Installing the locked packages ..."
	@$(SYNC) && touch $@

.venv/.stack: .venv/.run
	@$(SYNC) $(COMPILED) --group stack && touch $@

.venv/.test: .venv/.run
	@$(SYNC) $(COMPILED) --group test --group e2e --group lint && touch $@

.PHONY: demo
demo: .venv/.run ## one process on PORT=8000 with demo data and simulated stations
	@PUBLIC_URL=$${PUBLIC_URL:-http://localhost:$(PORT)} exec $(BIN)/python manage.py serve --demo --port $(PORT)

# runs first, so that required packages are announced, or reported as missing, immediately
.PHONY: machine machine-quick
machine:
	@$(PYTHON) tools/packages.py --announce venv postgres redis npm chromium headless
machine-quick:
	@$(PYTHON) tools/packages.py --announce venv postgres redis npm

.PHONY: test
test: machine .venv/.test clients lint-tools ## everything: checks and all tests, on private PostgreSQL and Redis servers
	@exec $(BIN)/python tools/services.py run-suite $(BIN)/python tools/suite.py $(ARGS)

.PHONY: quick
quick: machine-quick .venv/.test lint-tools ## checks and in-process tests without the long walks: the daily loop
	@exec $(BIN)/python tools/services.py run $(BIN)/python tools/suite.py --quick $(ARGS)

.PHONY: python313
python313: machine-quick .venv/.test ## the tests that start no processes on Python 3.13, if installed
	@exec $(BIN)/python tools/python313.py $(ARGS)

# npm packages: OCPP clients that test the gateway, axe that tests the pages, Biome that lints the scripts
.PHONY: clients lint-tools
clients: tests/clients/node_modules/.installed
lint-tools: tools/lint/node_modules/.installed
%/node_modules/.installed: %/package.json %/package-lock.json
	@cd $* && npm ci --silent --no-audit --no-fund && touch node_modules/.installed

.PHONY: check
check: .venv/.test lint-tools ## lint, import layers, types, templates, scripts, dead code, packages, migrations, deploy
	@exec $(BIN)/python tools/check.py

.PHONY: fix
fix: .venv/.test ## fix format and imports with ruff
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

.PHONY: stack
stack: .venv/.stack ## the production set-up on PORT=8000, GATEWAY_PORT=9000, GATEWAYS=1; Ctrl-C stops it
	@exec $(BIN)/python tools/stack.py up --port $(PORT) --gateway-port $(GATEWAY_PORT) --gateways $(GATEWAYS) --var $(VAR_DIR)

.PHONY: stack-down
stack-down: ## stop a stack that was started elsewhere
	@exec $(BIN)/python tools/stack.py down --var $(VAR_DIR)

.PHONY: bench
bench: .venv/.test ## measure on a separate stack and write docs/performance.md (about eight minutes)
	@exec $(BIN)/python -m tools.bench $(ARGS)

.PHONY: clean
clean: ## remove installed and built files, but not the data in var/
	rm -rf .venv .venv313 tests/clients/node_modules tools/lint/node_modules staticfiles test-results .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
