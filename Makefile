# Each target makes its own .venv from nothing; a second run finds it done. What they do is said as they do it.
#
#   make demo PYTHON=python3.12                                             another Python
#   make demo PIP_FLAGS="--extra-index-url URL"   the small CPU build of torch (no GPU), from the index that pytorch.org names

PYTHON ?= python3
PIP_FLAGS ?=
DEMO_OUT ?= demo-out

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d ' ' -f 1)
TORCH := $(shell grep '^torch==' constraints.txt)

.DEFAULT_GOAL := help
.PHONY: help install demo try tour test check format quality load miniature clean

help:
	@echo "make demo       the story of a birthday present, told in $(DEMO_OUT)/"
	@echo "make try        the real bot in your browser, without Discord"
	@echo "make test       every test"
	@echo "make check      style, types, import rules, documents"
	@echo "make quality    train ten unseen identities and print what was learnt (about half an hour on 2 cores)"
	@echo "make load       two hundred interactions at once while a training runs: how long members wait (minutes)"
	@echo "make miniature  train the embedded base again from its scripts (hours on a CPU)"
	@echo "make tour       take the pictures of docs/tour.md anew, with the Chromium that is installed"
	@echo "make format     let ruff format the code"
	@echo "make install    only make $(VENV)"
	@echo "make clean      remove $(VENV) and caches"

install: $(STAMP)

demo: $(STAMP)
	@echo "==> Playing the birthday present; the results go to $(DEMO_OUT)/"
	@$(BIN)/likeness demo --out $(DEMO_OUT)

try: $(STAMP)
	@$(BIN)/likeness try

tour: $(STAMP)
	@echo "==> Playing an evening and taking its pictures"
	@$(BIN)/python -m tests.tour

test: $(STAMP)
	@echo "==> Running every test"
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	@echo "==> Style (ruff)"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@echo "==> Types (pyright)"
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@echo "==> Import rules (import-linter)"
	@$(BIN)/lint-imports
	@echo "==> Documents and repository"
	@$(BIN)/python -m pytest tests/repo

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

quality: $(STAMP)
	@echo "==> Training ten unseen identities and reading what was learnt"
	@$(BIN)/python -m tests.quality

load: $(STAMP)
	@echo "==> Fifty members ask at once, a few times over, while a training runs"
	@$(BIN)/python -m tests.load

miniature: $(STAMP)
	@echo "==> Training the miniature from its scripts"
	@$(BIN)/python -m engine.miniature.training

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .import_linter_cache .hypothesis build likeness.egg-info

# The stamp's name holds a checksum of what was asked for, so that a changed dependency installs again and nothing else does.
# torch goes first: where an index or a folder of wheels offers a CPU build of this version, pip prefers it.
$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 || true)"; \
	  echo "Name another one, for example: make demo PYTHON=python3.12"; exit 2; }
	@echo "==> Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { \
	  echo "Python could not make $(VENV). On Debian and Ubuntu its venv module is a package of its own: apt install python3-venv"; exit 2; }
	@echo "==> Installing $(TORCH) (the largest part, a few minutes)"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt $(TORCH)
	@echo "==> Installing likeness and what its demo and tests need"
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[demo,dev,heic]'
	@rm -f $(VENV)/.installed-* && touch $@
	@echo "==> $(VENV) is ready"
