# make book    build the book into _build/html (the first time: .venv, experiments, notebooks)
# make test    build the book, then run every test: code, notebooks, pages, pages in a browser
# make lab     open the notebooks in JupyterLab
# make check   what the linters say
# make clean   remove what was built (.venv stays; experiments and notebooks run again)
#
# No make? The same in two lines:
#   python -m venv .venv && .venv/bin/python -m pip install torch==2.13.0 -c constraints.txt -e '.[book,language-model,test]'
#   .venv/bin/python -m calibration_lab.site.build
# On Windows: .venv\Scripts\python for .venv/bin/python, double quotes for the single ones.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.installed

# one thread a process: as many processes as cores run at once, and sums come out the same everywhere
export OMP_NUM_THREADS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: book test lab check clean
book: $(READY)
	@$(PY) -m calibration_lab.site.build

test: book
	$(PY) -m pytest

lab: $(VENV)/.installed-lab
	$(PY) -m jupyterlab notebooks

check: $(VENV)/.installed-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

clean:
	rm -rf _build

$(PY):
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else \
	  f"The book needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is {v[0]}.{v[1]}. Name another: make book PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(READY): constraints.txt pyproject.toml | $(PY)
	$(PY) -m pip install --quiet torch==2.13.0 -c constraints.txt -e '.[book,language-model,test]'
	@touch $@

$(VENV)/.installed-%: constraints.txt pyproject.toml | $(READY)
	$(PY) -m pip install --quiet -c constraints.txt -e '.[$*]'
	@touch $@
