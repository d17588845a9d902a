# One environment in .venv, two depths of it: what the product runs on, and what tests need on top.
# A stamp is older than a changed lock, which then installs again.

BIN := .venv/bin
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$name" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { command -v "$$name"; break; }; done)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

# Scripts in an environment name its folder: one that was moved, or half made, is made anew.
USABLE = { $(BIN)/python -c 'import pip' && head -n 2 $(BIN)/pip | \
	grep -qF -e "$$(pwd)/.venv/" -e "$$(pwd -P)/.venv/"; } 2>/dev/null
STAMPS := .venv/.runtime .venv/.develop
$(shell $(USABLE) || rm -f $(STAMPS))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve test check fix bench routes log stubs lock clients

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: .venv/.runtime  ## everything on http://127.0.0.1:2283, data in ./data
	@exec $(BIN)/python -m server.supervisor --stop-with-parent

test: .venv/.develop clients  ## the tests; ARGS="-k name" passes through
	@$(BIN)/pytest -q --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

check: .venv/.develop  ## format, lint, types, layers, generated stubs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m sql.stubs --check

fix: .venv/.develop  ## format, and repair what can be repaired
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: .venv/.develop  ## every benchmark, one table each
	@$(BIN)/python -m bench $(ARGS)

routes: .venv/.develop  ## operations served, tested, missing
	@$(BIN)/python -m tests.routes

log: .venv/.runtime  ## the change log, live
	@exec $(BIN)/heliograph log --follow

stubs: .venv/.develop  ## type the named queries against the migrated schema
	@$(BIN)/python -m sql.stubs

lock: .venv/.develop  ## resolve requirements/*.in again
	@$(PIP) install uv
	@for name in runtime develop; do \
	  $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
	    --output-file "requirements/$$name.txt" "requirements/$$name.in" || exit 1; \
	done

clients: .venv/.develop
	@if [ -x tests/clients/install ]; then PATH="$$(pwd)/$(BIN):$$PATH" tests/clients/install; fi

$(STAMPS): .venv/.%: requirements/%.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Heliograph needs Python 3.11 or newer, with venv" >&2; exit 1; }
	@$(USABLE) || "$(PYTHON)" -m venv --clear .venv
	@echo "Installing requirements/$*.txt into .venv" >&2
	@$(PIP) install --require-hashes --requirement requirements/$*.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(if $(filter develop,$*),.venv/.runtime)
