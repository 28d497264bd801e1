# Few verbs, the same for you and for CI. Everything that is missing is installed by the scripts named here.
SHELL := /bin/bash
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
PROCESSES ?= 2 # of pytest, for two cores: one has the tests with broker and browser, the other all else

.PHONY: demo test check setup tools bench bench-plots bench-peers soak nightly pictures clean

demo: .venv/.setup  ## shop, visitors, pipeline and live heat map
	@$(BIN)/isotherm demo

setup: .venv/.setup  ## only the .venv, Kafka's client libraries included

tools: .venv/.tools  ## what the tests need besides: browser, broker, linters

test: .venv/.tools  ## every test that CI runs
	@node --test tests/web/
	@$(PYTEST) -m "not nightly" -n $(PROCESSES) --dist loadscope --no-loadscope-reorder $(ARGS)

check: .venv/.tools  ## import rule, lint, types
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check $$(cat .ci/formatted)
	@$(BIN)/mypy
	@npx tsc -p .
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml

nightly: .venv/.tools  ## what takes long
	@$(PYTEST) -m nightly --timeout 3600 $(ARGS)

bench: .venv/.tools  ## the benchmarks; results in bench/results/
	@$(BIN)/python -m bench $(ARGS)

bench-plots: .venv/.tools  ## the curves of bench/results/ as SVG, into docs/benchmarks/
	@$(BIN)/python -m bench.plots

soak: .venv/.tools  ## half an hour of constant load: memory flat, no growing delay; its curves into docs/benchmarks/
	@$(BIN)/python -m bench.soak $(ARGS)

bench-peers: .venv/.tools  ## the same job done by others, in a venv of their own
	@$(BIN)/python -m bench.peers $(ARGS)

pictures: .venv/.tools  ## the pictures of the documents, into docs/pictures/
	@$(BIN)/python scripts/pictures.py

clean:  ## everything that make made
	rm -rf .venv node_modules

.venv/.setup: pyproject.toml constraints.txt scripts/setup.sh hatch_build.py $(wildcard src/isotherm/core/loops/*) src/isotherm/sending.c
	@scripts/setup.sh
	@touch $@

.venv/.tools: .venv/.setup package-lock.json scripts/setup_test_tools.sh
	@scripts/setup_test_tools.sh
	@touch $@
