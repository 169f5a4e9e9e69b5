# make demo   set up, then train a first population and show it
# make test   set up, then run the tests
# make golden   store how seeds train now; after a change that raised ENGINE
# make docs   build the site, docs/_build/index.html
# make bench-gpu MINUTES=60   on a machine with a GPU: tests, verify, speed, profiles, then cells of the paper
# make chaos N=500   kill the processes of small sweeps, and count what it costs; half on Ray
# make notebooks   execute the notebooks again and store what they show
# make test-all, make lint, make clean

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# A process of tests per core and one more; tests/conftest.py says why, and which stay together.
PARALLEL := -n logical --maxprocesses 8

MINUTES ?= 60
N ?= 500

.PHONY: demo test test-all lint golden docs notebooks chaos bench-gpu install clean

demo: install
	$(BIN)/seedsweep run pocket/count-depth

test: install
	$(BIN)/python -m pytest $(PARALLEL) -m "not heavy"

test-all: install
	$(BIN)/python -m pytest $(PARALLEL)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

golden: install
	$(BIN)/python -m tests.golden.make

docs: install
	$(BIN)/python -m sphinx -W --keep-going -q -E docs docs/_build
	@echo "docs/_build/index.html"

notebooks: install
	$(BIN)/python notebooks/execute.py

chaos: install
	$(BIN)/python -m tests.chaos --kills $(N)

# With what is there: machines with GPUs bring a torch of their own.
bench-gpu:
	$(firstword $(wildcard $(BIN)/python) $(PYTHON)) -m benchmarks.gpu --minutes $(MINUTES)

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "seedsweep needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "setting up .venv (a few minutes the first time) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(INSTALLED)

clean:
	rm -rf .venv docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
