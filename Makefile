# Every target makes .venv itself and installs what it needs there; the system's Python is untouched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROMPT ?= What is the capital of France?
ARGS ?=

.PHONY: ask test train soak lint bench bench-agreement bench-checks bench-decompose bench-routing pictures reference notebooks browser-test lab clean help

help:
	@echo "make ask PROMPT='...'   a routed answer from real local models (no Ollama, no key)"
	@echo "make test               the tests (ARGS='-n 2 --dist loadfile': in two processes)"
	@echo "make soak               10,000 requests, 64 at once, on servers where every fifth call goes wrong"
	@echo "make lint               ruff and mypy --strict"
	@echo "make train ARGS=FOLDER  the shipped weights anew, from a folder of rows and its folder kinds/"
	@echo "make bench              the router's cost per call, against baselines of the same run"
	@echo "make bench-routing      what classifiers and checks gain on real data (ARGS='--figure FILE' draws it)"
	@echo "make bench-checks       what self-verification and logprobs tell (ARGS=--record asks the models anew)"
	@echo "make bench-decompose    what requests of several questions cost and get right, whole and in parts"
	@echo "make pictures           the README's graph and timeline, of a real request, into docs/"
	@echo "make reference          docs/settings.md, from the docstrings"
	@echo "make lab                JupyterLab with the three notebooks"
	@echo "make notebooks          run the notebooks, and their first cell on a bare Python (README: ARGS=...)"
	@echo "make browser-test       the notebooks in JupyterLab in Chromium (ARGS=--screenshots: into docs/)"
	@echo "make bench-agreement    what a second sample tells of the embedded model's answers"

# A stamp for each set of extras, made anew when pyproject.toml changes.
$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[embedded,schema]'
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

ask: $(VENV)/.run
	@$(BIN)/lc-asym-router ask $(ARGS) "$$PROMPT"

# In two processes (ARGS='-n 2 --dist loadfile', see tests/conftest.py) they take half the time; tests
# with deadlines then fail now and then on two cores, so one process is what CI goes by.
test: $(VENV)/.test
	$(BIN)/python -m pytest $(ARGS)

# The sources that the shipped weights were computed from; README.md there tells what they are. The same
# files give the same bytes.
SCORED := llmrouter mmlupro openai_gsm routellm_gsm8k zeroeval_crux zeroeval_gsm zeroeval_math-l5
train: $(VENV)/.test
	@test -d "$(ARGS)/kinds" || { echo "make train ARGS=FOLDER: give the folder of rows, with kinds/ in it."; exit 2; }
	$(BIN)/lc-asym-router train --data $(SCORED:%=$(ARGS)/%.jsonl.gz) --kinds $(ARGS)/kinds \
		--out lc_asym_router/classify/learned.json
	$(BIN)/lc-asym-router train --what verifier --data $(SCORED:%=$(ARGS)/%.jsonl.gz) \
		--out lc_asym_router/verify/learned.json

soak: $(VENV)/.test
	LC_ASYM_ROUTER_SOAK=10000 $(BIN)/python -m pytest -s tests/faults/test_soak.py $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.overhead $(ARGS)
	$(BIN)/python -m tests.benchmarks.streams

reference: $(VENV)/.test
	$(BIN)/python -m tests.reference > docs/settings.md

bench-agreement: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.agreement

bench-checks: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.recorded_checks $(ARGS)

bench-decompose: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.decompose $(ARGS)

bench-routing: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.routing $(ARGS)

pictures: $(VENV)/.run
	$(BIN)/python -m tests.pictures docs

lab: $(VENV)/.test
	$(BIN)/jupyter-trust notebooks/*.ipynb
	cd notebooks && ../$(BIN)/python -m jupyterlab $(ARGS)

notebooks: $(VENV)/.test
	$(BIN)/python -m tests.notebooks $(ARGS)

browser-test: $(VENV)/.test
	.ci/browser
	$(BIN)/python -m pytest tests/browser $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info

export PROMPT
