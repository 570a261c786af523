# Every target makes .venv itself and installs what it needs there; the system's Python is untouched.
PYTHON ?= python3
VENV := .venv
OLDEST := .venv-oldest
BIN := $(VENV)/bin
PROMPT ?= What is the capital of France?
ARGS ?=
# Compiled files are kept, whatever the environment says: each process would compile all tests again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: ask serve bench-gateway bench-memory soak-gateway test test-all test-oldest train soak fuzz lint docs dist trip bench bench-agreement bench-audit bench-batch bench-checks bench-decompose bench-report bench-default bench-routing bench-sample pictures reference notebooks browser-test lab clean help

help:
	@echo "make ask PROMPT='...'   a routed answer from real local models (no Ollama, no key)"
	@echo "make serve              the gateway at http://127.0.0.1:8080/v1 (ARGS: a file, --small, --port, ...)"
	@echo "make test               the tests, in three processes (ARGS='-n 0 tests/verify': a part, in one)"
	@echo "make test-all           what is long by nature: real models in full, killed processes, fault matrix, soak"
	@echo "make test-oldest        the core's tests on the oldest versions that pyproject.toml allows"
	@echo "make soak               10,000 requests, 64 at once, on servers where every fifth call goes wrong"
	@echo "make soak-gateway       30 minutes through the gateway on such servers (MINUTES=5 for less)"
	@echo "make fuzz               an hour of degenerate texts for all that reads them (ARGS: of pytest)"
	@echo "make lint               ruff, mypy --strict, and the floors: imports only go down"
	@echo "make docs               the docs site, into site/; fails on a broken link, anchor or reference"
	@echo "make dist               the wheel and the archive, built, checked, and tried on a bare Python"
	@echo "make trip               one request's way through the package's files and functions, and their numbers"
	@echo "make train ARGS=FOLDER  the shipped weights anew, from a folder of rows and its folder kinds/"
	@echo "make bench              the router's cost per call, against baselines of the same run"
	@echo "make bench-memory       what the router keeps in memory over 100,000 requests (some minutes)"
	@echo "make bench-routing      what classifiers and checks gain on real data (ARGS='--figure FILE' draws it)"
	@echo "make bench-default      what the default router hands on of an embedded model's answers"
	@echo "make bench-sample       in which other representation a small model is asked again"
	@echo "make bench-checks       what self-verification and logprobs tell (ARGS=--record asks the models anew)"
	@echo "make bench-audit        how often the audits' bound is wrong, on replays of recorded answers"
	@echo "make bench-batch        many rows at once: their rate against router.batch, and their memory"
	@echo "make bench-report       the report of 10 million requests, on SQLite and PostgreSQL (ARGS='--rows N')"
	@echo "make bench-decompose    what requests of several questions cost and get right, whole and in parts"
	@echo "make bench-gateway      the gateway's throughput beside direct calls and a bare proxy"
	@echo "make pictures           the docs' graph and timeline, of a real request, into docs/"
	@echo "make reference          docs/settings.md, from the docstrings"
	@echo "make lab                JupyterLab with the four notebooks"
	@echo "make notebooks          run the notebooks, and their first cell on a bare Python (docs/guides/notebooks.md: ARGS=...)"
	@echo "make browser-test       the notebooks in JupyterLab in Chromium (ARGS=--screenshots: into docs/)"
	@echo "make bench-agreement    what a second sample tells of the embedded model's answers"

# A stamp for each set of extras, made anew when pyproject.toml changes.
# What sets up says so on standard error: `make ask > FILE` keeps the answer alone.
$(VENV)/.made:
	@echo "making $(VENV)" >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")' >&2
	@$(PYTHON) -m venv $(VENV) >&2
	@touch $@

$(VENV)/.run: $(VENV)/.made pyproject.toml
	@echo "installing the package and the extras embedded and gateway into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[embedded,gateway]' >&2
	@touch $@

$(VENV)/.test: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	$(BIN)/python -m pytest --collect-only -q > /dev/null  # compiles the tests, once for all processes
	@touch $@

$(VENV)/.test-all: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,server-test]'
	@touch $@

# The gateway's clients that need other versions of our libraries, or Node.
$(VENV)/.clients: $(VENV)/.test tests/gateway/clients.txt tests/gateway/node/package.json
	command -v npm > /dev/null || .ci/browser
	$(PYTHON) -m venv $(VENV)/clients
	$(VENV)/clients/bin/python -m pip install --quiet --disable-pip-version-check -r tests/gateway/clients.txt
	cp tests/gateway/node/package.json $(VENV)/clients/
	npm install --prefix $(VENV)/clients --silent --no-audit --no-fund
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

$(VENV)/.docs: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	@touch $@

$(VENV)/.dist: $(VENV)/.made pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dist]'
	@touch $@

# What the models of this machine, or the embedded pair, answer at http://127.0.0.1:8080/v1.
serve: $(VENV)/.run
	$(BIN)/lc-asym-router serve $(ARGS)

ask: $(VENV)/.run
	@$(BIN)/lc-asym-router ask $(ARGS) "$$PROMPT"

# Three processes, since part of a test is waiting, and a file to one of them, the long ones first (tests/conftest.py);
# what is marked `full` is for test-all.
test: $(VENV)/.test
	$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder -m "not full" $(ARGS)

test-all: $(VENV)/.test-all $(VENV)/.clients
	LC_ASYM_ROUTER_SOAK=10000 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m full $(ARGS)

# The tests that need no extra but `langchain`.
CORE_TESTS := tests/behaviour/test_agents.py tests/behaviour/test_bad_input.py \
	tests/behaviour/test_defaults.py tests/behaviour/test_faces.py tests/behaviour/test_parents.py \
	tests/behaviour/test_routes.py tests/behaviour/test_standard.py tests/behaviour/test_streaming.py \
	tests/classify/test_classify.py tests/verify/test_checks.py \
	tests/_internal/test_compat.py

$(OLDEST)/.made: pyproject.toml
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(OLDEST)/bin/uv pip install --quiet --python $(OLDEST)/bin/python --resolution lowest-direct \
		-e '.[langchain,test-core]'
	@touch $@

test-oldest: $(OLDEST)/.made
	$(OLDEST)/bin/python -m pytest $(CORE_TESTS) $(ARGS)

soak: $(VENV)/.test
	LC_ASYM_ROUTER_SOAK=10000 $(BIN)/python -m pytest -s tests/behaviour/faults/test_soak.py $(ARGS)

# The sources that the shipped weights were computed from; README.md there tells what they are. The same
# files give the same bytes.
SCORED := llmrouter mmlupro openai_gsm routellm_gsm8k zeroeval_crux zeroeval_gsm zeroeval_math-l5
train: export OMP_NUM_THREADS := 1
train: $(VENV)/.test
	@test -d "$(ARGS)/kinds" || { echo "make train ARGS=FOLDER: give the folder of rows, with kinds/ in it."; exit 2; }
	$(BIN)/lc-asym-router train --data $(SCORED:%=$(ARGS)/%.jsonl.gz) --kinds $(ARGS)/kinds \
		--out lc_asym_router/classify/learned.json
	$(BIN)/lc-asym-router train --what verifier --data $(SCORED:%=$(ARGS)/%.jsonl.gz) \
		--out lc_asym_router/verify/learned.json
	$(BIN)/lc-asym-router train --what embedding --data $(ARGS)/kinds \
		--out lc_asym_router/classify/embedding.json

# Some 400 examples of each kind take an hour on one core; `make test` takes 6. Each day tries others.
fuzz: $(VENV)/.test
	LC_ASYM_ROUTER_FUZZ=$${LC_ASYM_ROUTER_FUZZ:-400} LC_ASYM_ROUTER_SEED=$${LC_ASYM_ROUTER_SEED:-$$(date +%j)} \
	$(BIN)/python -m pytest tests/verify/test_reading_bounds.py $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/settings.py
	$(BIN)/lint-imports
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/compose-lint check deploy/compose.yaml

docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict $(ARGS)

dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m tests.dist

trip: $(VENV)/.test
	@$(BIN)/python -m tests.benchmarks.trip

$(VENV)/.benchmark: $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,benchmark]'
	@touch $@

bench: $(VENV)/.benchmark
	$(BIN)/python -m tests.benchmarks.overhead $(ARGS)
	$(BIN)/python -m tests.benchmarks.streams

reference: $(VENV)/.test
	$(BIN)/python -m tests.reference > docs/settings.md

soak-gateway: MINUTES ?= 30
soak-gateway: $(VENV)/.test
	LC_ASYM_ROUTER_GATEWAY_SOAK=$(MINUTES) $(BIN)/python -m pytest -s tests/gateway/test_soak.py $(ARGS)

# LiteLLM's proxy pins other versions of our libraries. Where it can't be installed, the benchmark
# says so, and runs without it.
$(VENV)/.litellm:
	$(PYTHON) -m venv $(VENV)/litellm
	$(VENV)/litellm/bin/python -m pip install --quiet --disable-pip-version-check 'litellm[proxy]' \
		&& touch $@ || rm -rf $(VENV)/litellm

bench-gateway: $(VENV)/.benchmark $(VENV)/.litellm
	$(BIN)/python -m tests.benchmarks.gateway $(ARGS)

bench-memory: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.memory $(ARGS)

bench-agreement: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.agreement

bench-default: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.default_router $(ARGS)

bench-sample: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.asked_again $(ARGS)

bench-checks: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.recorded_checks $(ARGS)

# LC_ASYM_ROUTER_DATA: the folder of rows. Some hours on one core (--part bound, --part target); ARGS='--replays 100 --requests 5000': minutes.
bench-audit: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.audit $(ARGS)

bench-batch: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.batch $(ARGS)

bench-report: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks.ledger_report $(ARGS)

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
	rm -rf $(VENV) $(OLDEST) build dist site *.egg-info

export PROMPT
