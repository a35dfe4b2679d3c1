# Sekisho's few commands. `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help env demo up test lint format docs screenshots catalog bench lock clean

help:  ## List the targets
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: .venv/.ready  ## Make the environment (.venv in this checkout)

.venv/.ready: requirements/runtime.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sekisho: Python 3.11 or newer is needed (say which with PYTHON=...)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "sekisho: this Python lacks venv; on Debian or Ubuntu install it with: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: env  ## Sample applications through the whole pipeline, then a table; leaves nothing running
	@$(BIN)/sekisho demo

up: env  ## Start everything on this machine and stay; prints the addresses
	@$(BIN)/sekisho up

test: env  ## Every test: unit, property, contract, integration (Valkey, Celery, SQLite, PostgreSQL)
	@$(BIN)/python -m pytest

lint: env  ## Style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: env  ## Put the code in house format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

docs: env  ## Renew the generated parts of docs/
	@$(BIN)/python -m pipeline.lifecycle docs/life-cycle.md
	@$(BIN)/python -m rules.vocabulary docs/facts.md
	@$(BIN)/python -m cli.reference docs/commands.md

screenshots: env  ## Renew the pictures in docs/screenshots/ (needs Chromium and Noto CJK fonts)
	@mkdir -p docs/screenshots
	@$(BIN)/python -m tests.browser.screenshots docs/screenshots
	@SEKISHO_SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest -q tests/browser/test_buyers.py

catalog: env  ## Bring the desk's Japanese catalog up to date with its pages
	@$(BIN)/python -m web.desk.extraction

bench: env  ## Measure against what one would otherwise write; prints ratios
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.rules
	@$(BIN)/python -m bench.mirror
	@$(BIN)/python -m bench.bulkhead
	@$(BIN)/python -m bench.reviews
	@$(BIN)/python -m bench.desk
	@$(BIN)/python -m bench.catalog
	@$(BIN)/python -m bench.search
	@$(BIN)/python -m bench.deliveries

lock: env  ## Renew the pinned requirements from pyproject.toml
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra embedded --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/runtime.txt
	@$(BIN)/uv pip compile pyproject.toml --quiet --extra embedded --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -c requirements/runtime.txt -o requirements/dev.txt
	@$(BIN)/uv pip compile --quiet --group build --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements/build.txt

clean:  ## Remove what the targets made
	rm -rf .venv .sekisho .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
