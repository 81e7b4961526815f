# `make help` lists what there is. Everything happens inside .venv.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
LOCKS := requirements-build.lock requirements.lock requirements-dev.lock
STAMP := $(VENV)/.installed
SHARED := --numprocesses auto --dist loadfile
# Python 3.13 dropped a C function that durable-rules calls; the other name does the same in all of them.
SINCE_3_13 := -DPyEval_CallObject=PyObject_CallObject
COMPILE = $(VENV)/bin/uv pip compile --quiet --system-certs --generate-hashes --no-emit-index-url --no-header \
	--universal --python-version 3.11 $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help install run test full soak browser screenshots lint format bench lock secrets clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

run: install ## start the service on 127.0.0.1:8000, with its own PostgreSQL
	@$(VENV)/bin/eligibility serve

test: install browser ## the whole test suite (ARGS="-k name" to choose), shared out among the cores
	@$(VENV)/bin/python -m pytest $(SHARED) $(ARGS)

full: install browser ## the same tests at their full sizes: takes long
	@ELIGIBILITY_TEST_SIZE=full $(VENV)/bin/python -m pytest $(SHARED) $(ARGS)

soak: install ## the fault tests at their full sizes: kills, failovers, full disks, by the hundred
	@ELIGIBILITY_TEST_SIZE=full $(VENV)/bin/python -m pytest tests/soak $(ARGS)

browser: ## see that there is a browser for the tests of pages, and install it where that is allowed
	@sh .ci/browser

screenshots: install browser ## pictures of every page, wide and narrow, light and dark, in screenshots/
	@$(VENV)/bin/python -m tools.screenshots

lint: install ## ruff and mypy over everything
	@$(VENV)/bin/python -m ruff check .
	@$(VENV)/bin/python -m ruff format --check .
	@$(VENV)/bin/python -m mypy

format: install ## let ruff lay the code out and mend what it can
	@$(VENV)/bin/python -m ruff check --fix .
	@$(VENV)/bin/python -m ruff format .

bench: install ## microseconds a decision, requests a second
	@$(VENV)/bin/python -m benchmarks $(ARGS)

install: $(STAMP) ## put everything into .venv; done again only when a lock file or pyproject.toml changed
	@:

# Installed scripts name their folder, so a checkout that was moved is installed again.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): pyproject.toml $(LOCKS)
	@sh .ci/tools $(PYTHON)
	@echo "installing into $(VENV) (about a minute the first time)"
	@$(VENV)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements-build.lock
	@CPPFLAGS="$$CPPFLAGS $(SINCE_3_13)" \
		$(PIP) install --no-build-isolation --use-pep517 --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --force-reinstall --editable .
	@printf '%s' "$(CURDIR)" > $@

lock: install ## write the lock files anew (UPGRADE=--upgrade for newer releases)
	@$(COMPILE) --group build --output-file requirements-build.lock
	@$(COMPILE) pyproject.toml --output-file requirements.lock
	@$(COMPILE) pyproject.toml --group dev --constraint requirements.lock --output-file requirements-dev.lock

# The folder is closed; the files are readable, since the containers' users differ from yours. An Ed25519 key as
# PEM is 16 bytes that are always the same, then 32 random ones: no tool but the shell's own is needed for it.
ED25519 := \060\056\002\001\000\060\005\006\003\053\145\160\004\042\004\040
secrets: ## make the secrets that docker compose hands to the containers, where missing
	@mkdir -p secrets && chmod 700 secrets
	@for name in postgres_password owner_password service_password service_secret admin_key; do \
		[ -s secrets/$$name ] || { \
			head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > secrets/$$name && \
			chmod 444 secrets/$$name && echo "made secrets/$$name"; }; \
	done
	@[ -s secrets/signing_key ] || { \
		key=$$({ printf '$(ED25519)'; head -c 32 /dev/urandom; } | base64) && \
		printf -- '-----%s PRIVATE KEY-----\n' "BEGIN" > secrets/signing_key && \
		printf '%s\n' "$$key" >> secrets/signing_key && \
		printf -- '-----%s PRIVATE KEY-----\n' "END" >> secrets/signing_key && \
		chmod 444 secrets/signing_key && echo "made secrets/signing_key"; }

clean: ## remove .venv and what tools left behind; data and secrets stay
	@rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
