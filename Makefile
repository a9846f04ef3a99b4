# GNU make. Paths are relative throughout, so a checkout may lie below a folder with a space in its name.
SHELL = /bin/sh
.DEFAULT_GOAL = help
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?=
ONCE ?=
SCHEDULE ?=
T ?=

VENV_PYTHON = .venv/bin/python
RUNTIME = .venv/.runtime-installed
DEVELOPMENT = .venv/.development-installed
ASSETS = assets/vendor/.collected
MESSAGES = $(patsubst %.po,%.mo,$(wildcard locale/*/LC_MESSAGES/*.po))
READY = $(RUNTIME) $(ASSETS) $(MESSAGES)
PIP = $(VENV_PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes --requirement

.PHONY: help setup demo test check bench chaos fuzz pictures clean-demo

help:
	@echo 'make demo [PORT=8000] [ONCE=1] [SCHEDULE=file]   start everything; Ctrl-C stops it; ONCE tells the story and ends'
	@echo 'make test [T="tests/sites -k calendar"]          the test suite, on its own PostgreSQL and Redis'
	@echo 'make check                                       style, types, layers, migrations'
	@echo 'make bench                                       benchmarks, into bench/results.json'
	@echo 'make chaos                                       kills senders, broker and beats; prints what was lost: nothing'
	@echo 'make pictures PORT=8000                          ten pages of a running demo in both themes, into docs/pictures'
	@echo 'make fuzz                                        schemathesis against the API: no server error, nothing unannounced'
	@echo 'make setup                                       virtual environment and browser assets only'
	@echo 'make clean-demo                                  remove the data of the demo'

setup: $(READY)

demo: $(READY)
	@exec $(VENV_PYTHON) manage.py demo $(if $(PORT),--port '$(PORT)') $(if $(ONCE),--once) $(if $(SCHEDULE),--schedule '$(SCHEDULE)')

test: $(DEVELOPMENT) $(READY)
	@exec $(VENV_PYTHON) -m pytest --numprocesses=auto --dist=worksteal $(T)

check: export LONGLEAD_MODE = test
check: $(DEVELOPMENT) $(READY)
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy
	$(VENV_PYTHON) -c 'import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())'
	$(VENV_PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(VENV_PYTHON) manage.py check --fail-level WARNING

bench: $(DEVELOPMENT) $(READY)
	@exec $(VENV_PYTHON) -m bench

# The cases of the suite in full size, some minutes of it; only processes that it started are harmed.
chaos: export CHAOS_FULL = 1
chaos: $(DEVELOPMENT) $(READY)
	@exec $(VENV_PYTHON) -m pytest --no-header --quiet --capture=no tests/chaos tests/procurement/simulation \
	  tests/procurement/services/test_concurrent_looks.py

# schemathesis for three roles and three seeds, an hour and more. Pytest would keep each refusal that is logged until the end.
fuzz: export FUZZ_FULL = 1
fuzz: $(DEVELOPMENT) $(READY)
	@exec $(VENV_PYTHON) -m pytest --no-header --quiet --capture=no -p no:logging tests/fuzz

pictures: $(DEVELOPMENT) $(READY)
	@exec $(VENV_PYTHON) -m tests.browser.pictures 'http://127.0.0.1:$(or $(PORT),8000)'

clean-demo:
	@test ! -x $(VENV_PYTHON) || $(VENV_PYTHON) -m procurement.management.runtime.clean

$(RUNTIME): requirements/runtime.txt
	@set -e; \
	if test -d .venv && ! $(VENV_PYTHON) -c 'import pip' 2>/dev/null; then rm -rf .venv; fi; \
	if test ! -d .venv; then \
	  for candidate in '$(PYTHON)' python3.13 python3.12 python3.11; do \
	    if command -v "$$candidate" >/dev/null 2>&1 && \
	       "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found="$$candidate"; break; fi; \
	  done; \
	  test -n "$$found" || { echo 'Longlead needs Python 3.11 or newer; name it: make demo PYTHON=/path/to/python3' >&2; exit 1; }; \
	  echo "Making .venv with $$found"; \
	  "$$found" -m venv .venv || { rm -rf .venv; \
	    echo "$$found cannot make a virtual environment; on Debian and Ubuntu install python3-venv." >&2; exit 1; }; \
	fi
	@echo 'Installing what requirements/runtime.txt names'
	@$(PIP) requirements/runtime.txt
	@# Six processes import all of it at each start, also where PYTHONDONTWRITEBYTECODE lets none of them keep the result.
	@$(VENV_PYTHON) -m compileall -q procurement sites
	@touch $@

$(DEVELOPMENT): requirements/dev.txt $(RUNTIME)
	@echo 'Installing what requirements/dev.txt names'
	@$(PIP) requirements/dev.txt
	@touch $@

$(ASSETS): package.json package-lock.json .npmrc procurement/management/runtime/assets.py | $(RUNTIME)
	@echo 'Collecting browser assets'
	@$(VENV_PYTHON) -m procurement.management.runtime.assets
	@touch $@

# Babel comes with the requirements; gettext's msgfmt would have to be installed.
%.mo: %.po | $(RUNTIME)
	@$(VENV_PYTHON) -m babel.messages.frontend --quiet compile --input-file $< --output-file $@
