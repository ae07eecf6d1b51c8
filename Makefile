# Everything a developer or a newcomer does, by name. Each target first makes .venv as
# requirements.lock says, and does that again only when the lock or pyproject.toml changed.

# The first that runs and is new enough: a version manager's shim may be found and not run.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3.11 python3; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA ?= ./trilith-data
PORT ?=
PYTEST := $(BIN)/python -m pytest

.PHONY: help up down status test check unit end-to-end clients demo bench format lock clean

help:
	@echo 'make up       set up and start a cluster in the background (DATA=dir PORT=n)'
	@echo 'make down     stop it; the data stays'
	@echo 'make test     every check that .ci/run runs'
	@echo 'make demo     a tour on real data: in, out, with a node killed, after a restart'
	@echo 'make bench    measure encoding, latency and throughput'
	@echo 'make format   format and sort the code'
	@echo 'make lock     choose newer versions for requirements.lock'

$(STAMP): requirements.lock pyproject.toml
	@[ -n "$(PYTHON)" ] && $(PYTHON) -c '$(NEW_ENOUGH)' 2>/dev/null || \
		{ echo 'Python 3.11 or newer is needed (Debian: apt install python3)'; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo 'Python cannot make virtual environments here (Debian: apt install python3-venv)'; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@# Else the first start compiles everything, in four processes at once.
	@$(BIN)/python -m compileall -q erasure metadata node coordinator benchmarks trilith
	@touch $@

up: $(STAMP)
	@$(BIN)/trilith up --detach --data $(DATA) $(if $(PORT),--port $(PORT))
	@echo '`make down` stops it as well; `make status` shows it.'

down: $(STAMP)
	@$(BIN)/trilith down --data $(DATA)

status: $(STAMP)
	@$(BIN)/trilith status --data $(DATA)

test: check unit end-to-end

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -q tests/test_tidy.py

# Several processes help the property tests; a file's tests stay together for their fixtures' sake.
unit: $(STAMP)
	$(PYTEST) -n 2 --dist loadfile --durations=10 tests \
		--ignore=tests/test_tidy.py --ignore=tests/end_to_end

# These start processes and measure them: one at a time.
end-to-end: $(STAMP) clients
	$(PYTEST) --durations=10 tests/end_to_end

# S3 clients from Debian and npm; tests of those that are missing are skipped and say which it is.
clients:
	@sh tests/install_clients.sh

demo: $(STAMP)
	@$(BIN)/python -m benchmarks demo

bench: $(STAMP)
	$(BIN)/python -m benchmarks erasure
	$(BIN)/python -m benchmarks latency
	$(BIN)/python -m benchmarks throughput

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Hashes for every platform and Python that pyproject.toml allows, and no word of where they are from.
lock: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		tests/end_to_end/javascript/node_modules
