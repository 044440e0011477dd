# `make help` lists what there is. Everything lives in .venv, which `make setup` makes.

VENV := .venv
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
REXT := $(VENV)/bin/rext
RUN := $(VENV)/bin/python

.PHONY: help setup demo test lint bench fidelity ablation gallery claims harness fuzz clean

help:
	@echo 'make setup     create $(VENV) with everything in it'
	@echo 'make demo      compare six policies and the optimum on a real trace; writes comparison.png'
	@echo 'make test      run the tests'
	@echo 'make lint      ruff and mypy'
	@echo 'make bench     compare speed with libCacheSim (some minutes)'
	@echo 'make fidelity  compare the simulated kernel with measurements of real ones'
	@echo 'make ablation  leave out the mechanisms of MGLRU, one at a time (some minutes)'
	@echo 'make gallery   run every program on the bundled traces; writes docs/gallery.md (some minutes)'
	@echo 'make claims    run the claims of cache_ext as scenarios; writes docs/claims.md (some minutes)'
	@echo 'make harness   compile what measures the kernel of this machine (python -m fidelity.measure)'
	@echo 'make fuzz      judge and run random policies for a minute (more: python -m fuzzing --help)'
	@echo 'make clean     remove $(VENV) and what the other commands made'

setup: $(STAMP)
	@echo "ready: $(REXT)"

$(STAMP): pyproject.toml
	@python=; \
	for candidate in python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo 'error: Python 3.11 or newer is needed; python3 is' "$$(python3 --version 2>&1)" >&2; exit 1; \
	fi; \
	echo "setting up $(VENV) with $$($$python --version), once; this takes a minute" >&2; \
	$$python -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $(STAMP)

demo: $(STAMP)
	$(REXT) compare builtin:lru builtin:mglru fifo clock s3fifo sieve opt \
	    --trace mem_gcc --memory 5%,10%,20%,40%,60% --plot comparison.png

test: $(STAMP)
	$(RUN) -m pytest -q -n auto --maxprocesses 8 --dist worksteal

lint: $(STAMP)
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

$(BENCH_STAMP): $(STAMP)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $(BENCH_STAMP)

bench: $(BENCH_STAMP)
	$(RUN) -m benchmarks

fidelity: $(STAMP)
	$(RUN) -m fidelity

ablation: $(STAMP)
	$(RUN) -m benchmarks.ablation

gallery: $(STAMP)
	$(RUN) -m benchmarks.gallery --write

claims: $(STAMP)
	$(RUN) -m benchmarks.claims --write

harness: $(STAMP)
	$(RUN) -m fidelity.measure --build

fuzz: $(STAMP)
	$(RUN) -m fuzzing --seconds 60 --first $(or $(FIRST),10000000)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis comparison.png
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
