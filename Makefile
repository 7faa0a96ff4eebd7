# `make run` runs the product, `make test` its tests; uv is fetched where it is missing.
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --frozen

.PHONY: setup run test test-all lint format bench docs

setup: $(UV)
	$(UV) sync --frozen --quiet

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet uv

run: setup
	$(RUN) flowledger up

test: setup
	$(RUN) pytest -n auto --dist worksteal

test-all: setup
	$(RUN) pytest -n auto --dist worksteal -m "long or not long"

lint: setup
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

format: setup
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

docs: setup
	$(RUN) python -m flowledger.reference
	$(RUN) python -m tests.support.compliance

bench: setup
	$(RUN) python -m bench $(ROW)
