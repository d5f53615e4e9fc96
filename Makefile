# The course's commands. Plain make and Python 3.11 or newer; everything else is installed into .venv by the first command
# that needs it, and again only when requirements or pyproject.toml change.

PYTHON ?= python3
PORT ?= 8000
# Extra arguments of pip for a machine that finds PyTorch's CPU build elsewhere than at the address below.
TORCH_INDEX ?=
TORCH_CPU_INDEX := --extra-index-url https://download.pytorch.org/whl/cpu

VENV := .venv
VENV_TORCH := .venv-torch
VENV_COLAB := .venv-colab
PY := $(VENV)/bin/python
PY_TORCH := $(VENV_TORCH)/bin/python
PY_COLAB := $(VENV_COLAB)/bin/python
READY := $(VENV)/.installed
READY_WORDS := $(VENV)/.installed-words
READY_TORCH := $(VENV_TORCH)/.installed
READY_COLAB := $(VENV_COLAB)/.installed
# Colab's Python where there is one, else the one at hand.
COLAB_PYTHON ?= $(shell python3.13 -V >/dev/null 2>&1 && echo python3.13 || echo $(PYTHON))
PIP_QUIET := --disable-pip-version-check -qq --progress-bar off

.DEFAULT_GOAL := help
.PHONY: help book pdf screens test test-torch test-colab words links manifest serve seeds rehearse speed bench stamp handout clean distclean

help:
	@echo "make book        execute the chapters and build the book in _build/html"
	@echo "make serve       build it and show it at http://127.0.0.1:$(PORT) (PORT=…)"
	@echo "make pdf         every page and the whole book on paper, in _build/pdf, by Chromium (PAGES=\"chapters/13_groups …\")"
	@echo "make screens     a picture of every page, on a desk and on a telephone, light and dark, in _build/screenshots"
	@echo "make test        every test: unit suite on TensorFlow and JAX, chapters, book, browser"
	@echo "make test-torch  the unit suite on PyTorch, in an environment of its own"
	@echo "make test-colab  every chapter with Colab's versions, alone in a folder, its memory held (CHAPTERS=\"00 15\")"
	@echo "make words       spelling, terms and numbers of all prose"
	@echo "make links       whether the addresses that the texts lead to still answer"
	@echo "make manifest    commit, time, versions and sums of the pages, in _build/html/manifest.json"
	@echo "make seeds       the chapters' asserts with other seeds, kept in data/seeds.json (CHAPTERS=\"07 12\")"
	@echo "make rehearse    the chapters' cells for a GPU, each in short, on whatever is here (CHAPTERS=\"07 12\")"
	@echo "make speed       every k-network's time beside its dense twin's, kept in data/speed (NETWORKS=\"kMobileNet …\")"
	@echo "make bench       the layers' times on this machine"
	@echo "make stamp URL=… write the repository's address into _config.yml, chapters and README"
	@echo "make handout     the assignments as students get them, in _build/handout (ASSIGNMENTS=\"2_layer …\")"
	@echo "make clean       remove what was built (distclean: the environments, too)"

book: $(READY)
	@$(PY) tools/book.py

screens: book
	@$(PY) tools/screens.py $(PAGES)

pdf: book
	@$(PY) tools/pdf.py $(PAGES)

serve: book
	@echo "the book is at http://127.0.0.1:$(PORT)  (stop with Ctrl-C)"
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

test: $(READY) $(READY_WORDS)
	@$(PY) tools/test.py

test-torch: $(READY_TORCH)
	@$(PY_TORCH) tools/test.py torch

test-colab: $(READY_COLAB)
	@$(PY_COLAB) tools/colab.py $(CHAPTERS)

words: $(READY) $(READY_WORDS)
	@$(PY) tools/spelling.py

# Plain Python, both: a server that publishes needs no more.
links:
	@$(PYTHON) tools/links.py

manifest:
	@$(PYTHON) tools/manifest.py

speed: $(READY)
	@$(PY) tools/speed.py $(NETWORKS)

seeds: $(READY)
	@$(PY) tools/seeds.py $(CHAPTERS)

rehearse: $(READY)
	@$(PY) tools/gpu_cells.py $(CHAPTERS)

bench: $(READY)
	@$(VENV)/bin/gpc bench layers

stamp: $(READY)
	@$(PY) tools/stamp.py $(URL)

# Plain Python: nothing needs to be installed to hand something out.
handout:
	@$(PYTHON) assignments/handout.py $(ASSIGNMENTS)

clean:
	rm -rf _build .pytest_cache .hypothesis .jupyter_cache build dist
	find src tests tools book assignments -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) $(VENV_TORCH) $(VENV_COLAB) src/*.egg-info

# A file that stands for an installed environment; older than what it was installed from, it is made anew.
$(READY): requirements.txt pyproject.toml
	@$(MAKE) --no-print-directory environment FOLDER=$(VENV)
	@echo "installing the course's packages into $(VENV): about two minutes …"
	@$(PY) -m pip install $(PIP_QUIET) -r requirements.txt -e .
	@$(PY) -m pip check >/dev/null || $(PY) -m pip check
	@touch $@

$(READY_WORDS): requirements-words.txt | $(READY)
	@echo "installing the dictionaries of the check of spelling (326 MB) …"
	@$(PY) -m pip install $(PIP_QUIET) -r requirements-words.txt
	@touch $@

# PyTorch's CPU build by its full name on Linux: the plain name there means gigabytes of CUDA.
$(READY_TORCH): requirements.txt requirements-torch.txt pyproject.toml
	@$(MAKE) --no-print-directory environment FOLDER=$(VENV_TORCH)
	@echo "installing PyTorch's CPU build and the package into $(VENV_TORCH) …"
	@$(PY_TORCH) -m pip install $(PIP_QUIET) $(TORCH_INDEX) -c requirements.txt -r requirements-torch.txt -e . 2>$(VENV_TORCH)/pip.log \
	  || $(PY_TORCH) -m pip install $(PIP_QUIET) $(TORCH_CPU_INDEX) -c requirements.txt -r requirements-torch.txt -e . \
	  || { cat $(VENV_TORCH)/pip.log; exit 1; }
	@touch $@

$(READY_COLAB): requirements-colab.txt
	@$(MAKE) --no-print-directory environment FOLDER=$(VENV_COLAB) PYTHON=$(COLAB_PYTHON)
	@echo "installing Colab's versions into $(VENV_COLAB) (2.7 GB): about three minutes …"
	@$(PY_COLAB) -m pip install $(PIP_QUIET) -r requirements-colab.txt
	@touch $@

.PHONY: environment
environment:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) found: install Python 3.11 or newer, or say make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1); the course needs Python 3.11 or newer: make PYTHON=/path/to/python3.12"; exit 1; }
	@test -x $(FOLDER)/bin/python || $(PYTHON) -m venv $(FOLDER) || { \
	  echo "python could not make an environment (on Debian and Ubuntu: apt install python3-venv)"; rm -rf $(FOLDER); exit 1; }
