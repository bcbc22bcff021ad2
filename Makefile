# jgan: `make run` trains the default experiment, `make test` runs the tests.
# Both set themselves up: nothing but Python 3.11 or newer and make is needed.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
WORKDIR ?= runs/digits

CLAIMS ?= runs/claims

.PHONY: help setup run test test-long test-newest pods versions notebooks claims lint bench \
  bench-check bench-parts device-folder aot parity docs clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.done  ## make the virtual environment and install into it

# Made whole or not at all: an interrupted install is begun again.
$(VENV)/.done: requirements.txt requirements-dev.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

run: setup  ## train a small GAN on handwritten digits, two to three minutes
	$(PY) -m jgan.main --config=experiments/digits/default.py --workdir=$(WORKDIR)

test: setup  ## run the tests, about a quarter of an hour
	$(PY) -m pytest -n 2 --dist worksteal -m 'not long' tests

test-long: setup  ## run those that take long
	$(PY) -m pytest -n 2 --dist worksteal -m long tests

pods: setup  ## train in four processes on this machine, kill one, go on
	JGAN_TEST_PROCESSES=4 $(PY) -m pytest tests/run/test_processes.py

# What of the tests runs on other versions, each in an environment of its own.
VERSION_TESTS := tests/ops tests/losses tests/penalties tests/optim \
  tests/metrics tests/layers tests/run tests/test_main.py
VERSIONS := $(patsubst versions/%.txt,%,$(wildcard versions/*.txt))

versions:  ## run a part of the tests on other versions of Python and JAX
	@failed=0; for name in $(VERSIONS); do \
	  sh versions/test.sh $$name $(VERSION_TESTS) || failed=1; done; \
	echo; cat $(VERSIONS:%=.venv-versions/%.line); exit $$failed

test-newest:  ## the same on the newest alone
	@sh versions/test.sh newest $(VERSION_TESTS)

# What a Colab runtime has; each notebook's own cell installs the rest.
NOTEBOOKS := .venv-notebooks

$(NOTEBOOKS)/.done: experiments/notebooks/runtime.txt versions/colab.txt
	rm -f $@
	sh versions/environment.sh $< $(NOTEBOOKS)

notebooks: setup $(NOTEBOOKS)/.done  ## run the notebooks on Colab's versions, into runs/notebooks
	$(PY) -m pytest -m long tests/test_notebooks.py

claims: setup  ## claims of papers at laptop size, DATA=FOLDER, two hours on two cores
	$(PY) -m jgan.main --mode=claims --workdir=$(CLAIMS) --data_dir=$(DATA) \
	  --json=docs/claims.json --out=docs/claims.md

lint: setup  ## check the style
	$(PY) -m ruff check .

bench-parts: setup  ## time steps, the loop, features, metrics, methods
	$(PY) -m bench.steps
	$(PY) -m bench.features
	$(PY) -m bench.frechet
	$(PY) -m bench.neighbours
	$(PY) -m bench.methods

# PyTorch has an environment of its own: nothing of jgan needs it.
PARITY := .venv-parity

$(PARITY)/.done: parity/requirements.txt
	$(PYTHON) -m venv --clear $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

parity: setup $(PARITY)/.done  ## compare features and metrics with PyTorch's, three minutes
	$(PY) -m parity.inputs runs/parity
	$(PARITY)/bin/python -W ignore parity/reference.py runs/parity
	$(PARITY)/bin/python parity/reference_dinov2.py runs/parity
	$(PY) -m parity.compare runs/parity
	$(PY) -m parity.compare_dinov2 runs/parity

# The site has an environment of its own, without JAX: Sphinx only reads jgan.
DOCS := .venv-docs

$(DOCS)/.done: docs/requirements.txt
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

docs: $(DOCS)/.done  ## make the site of docs/ in build/docs, warnings are errors
	$(DOCS)/bin/python -m sphinx --fail-on-warning --keep-going --quiet \
	  --doctree-dir build/doctrees docs build/docs
	@echo build/docs/index.html

# The same torch as that of the parity check, where that is installed already.
TORCH := $(firstword $(patsubst %/.done,%,$(wildcard $(PARITY)/.done)) .venv-bench)

.venv-bench/.done: bench/requirements-torch.txt
	$(PYTHON) -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: setup $(TORCH)/.done  ## time training steps beside PyTorch's
	mkdir -p runs
	$(PY) -m bench.torch --torch $(TORCH)/bin/python \
	  --json runs/bench.json

bench-check: setup $(TORCH)/.done  ## compare what both sides of it compute
	$(PY) -m bench.torch --torch $(TORCH)/bin/python --check

AOT := .venv-aot

$(AOT)/.done: bench/requirements-aot.txt requirements.txt
	$(PYTHON) -m venv --clear $(AOT)
	$(AOT)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

aot: $(AOT)/.done  ## compile whole runs for TPUs, without one; AOT_FLAGS, as octave
	$(AOT)/bin/python -m bench.aot $(AOT_FLAGS)

# What the check of a GPU takes along: DATA has CIFAR-10 and the classifiers.
device-folder: setup  ## make runs/device for bench.device, from DATA=FOLDER
	$(PY) -m bench.device_folder runs/device --data_dir $(DATA)

clean:  ## remove the virtual environment and what tools left; runs/ stays
	rm -rf $(VENV) $(PARITY) $(AOT) $(DOCS) .venv-bench .venv-versions $(NOTEBOOKS) .pytest_cache \
	  .ruff_cache build dist jgan.egg-info
	find jgan tests experiments -name __pycache__ -type d -prune -exec rm -rf {} +
