# fairtrial: everything a contributor types. Needs make and Python 3.11 or newer; uses uv where it is installed.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal

# Chooses the interpreter (make test PYTHON=/opt/python/bin/python3.12): otherwise the first one that is new enough.
ifndef PYTHON
PYTHON := $(shell for python in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$python" && break; done)
endif
UV := $(shell uv --version >/dev/null 2>&1 && echo uv)

ifdef UV
MAKE_VENV = uv venv --quiet --clear --python "$(PYTHON)" $(VENV)
INSTALL = uv pip install --quiet --python $(BIN)/python
else
MAKE_VENV = "$(PYTHON)" -m venv --clear $(VENV)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif

.PHONY: help
help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name what; do printf '%-10s %s\n' "$$name" "$$what"; done

.PHONY: demo
demo: $(VENV)/demo.stamp ## install into .venv and find where a real PostgreSQL saturates (two minutes)
	$(BIN)/fairtrial run services/postgres-demo
	$(BIN)/fairtrial report -o

.PHONY: demo-digits
demo-digits: $(VENV)/demo.stamp ## another one: a classifier on handwritten digits
	$(BIN)/fairtrial run studies/digits.yaml

.PHONY: test
test: lint ## lint, type-check, check the architecture, run the tests (10 minutes on two cores)
	$(PYTEST) -m "not long"

.PHONY: test-all
test-all: lint ## the same with the long tests (200 kill rounds among them; an hour)
	$(PYTEST)

.PHONY: lint
lint: $(VENV)/test.stamp ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.PHONY: bench
bench: $(VENV)/test.stamp ## fairtrial against its peers, side by side
	$(BIN)/python -m benchmarks

.PHONY: clean
clean: ## remove the environment, caches and builds (never a book)
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A new pyproject.toml installs again; source files do not, since the installation is editable.
$(VENV)/demo.stamp: pyproject.toml
	@test -n "$(PYTHON)" || { echo "fairtrial needs Python 3.11 or newer: install it, or say where it is: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(MAKE_VENV) || { rm -rf $(VENV); echo "no virtual environment with $(PYTHON): on Debian or Ubuntu, apt-get install python3-venv; or install uv" >&2; exit 1; }
	@test -n "$(UV)" || $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(INSTALL) -e '.[demo]'
	@touch $@

# The development group is read from pyproject.toml, since pip before 25.1 knows no --group.
$(VENV)/test.stamp: $(VENV)/demo.stamp
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > $(VENV)/dev.txt
	$(INSTALL) -r $(VENV)/dev.txt
	@touch $@
