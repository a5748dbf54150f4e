# kairos. `make` alone lists what there is; `kairos --help` lists the program's commands.

SHELL := /bin/bash
.DEFAULT_GOAL := help
HOME_DIR := $(or $(KAIROS_HOME),.kairos)
PYTHON := $(HOME_DIR)/venv/bin/python
KAIROS := $(HOME_DIR)/venv/bin/kairos
# The first Python 3.11 that has the modules set-up needs.
SYSTEM_PYTHON := $(shell for p in python3.11 /usr/bin/python3.11 python3; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' \
	2>/dev/null && echo "$$p" && break; done)
SETUP := $(or $(SYSTEM_PYTHON),python3.11) -m infra.setup
# Pure tests share nothing, so they run on every core; browsers mostly wait, so two run at a time, but
# where a clock is watched the machine belongs to one. A stack keeps all cores busy as it starts, and
# its servers are shared, so those tests run one at a time; in a process of their own, since an open
# browser holds the event loop.
ON_ALL_CORES := -n auto --dist worksteal
TWO_AT_A_TIME := -n 2 --dist loadfile
export KAIROS_DATA ?= ../shared/data

# `make prove replay` and `make logs kafka`: what follows the goal is its argument.
TAKES_NAME := prove bench logs
ifneq (,$(filter $(firstword $(MAKECMDGOALS)),$(TAKES_NAME)))
NAME := $(wordlist 2,99,$(MAKECMDGOALS))
ifneq (,$(NAME))
.PHONY: $(NAME)
$(NAME): ;@:
endif
endif

.PHONY: help setup run down status logs doctor clean test test-fast check golden prove promises bench

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## fetch and build what kairos needs into .kairos/ (skipped when nothing changed)
	@$(SETUP)

run: setup ## start everything with the demo shop and its visitors, until Ctrl-C
	@$(KAIROS) run

down: ## stop the local stack; its data stays
	@$(KAIROS) down

status: ## what runs: processes, job, addresses
	@$(KAIROS) status

logs: ## the log of one process: make logs taskmanager-1
	@$(KAIROS) logs $(NAME)

doctor: ## check machine and stack, each finding with its fix
	@if [ -x $(KAIROS) ]; then $(KAIROS) doctor; else $(SETUP) machine; fi

clean: ## stop the stack and delete its data
	@$(KAIROS) clean

test: setup ## every rule, with real processes and a real browser (just under half an hour on 2 cores)
	@$(SETUP) judges browser
	@$(PYTHON) -m pytest -m "fast or long" $(ON_ALL_CORES)
	@$(PYTHON) -m pytest -m "browser and not alone" $(TWO_AT_A_TIME)
	@$(PYTHON) -m pytest -m alone
	@$(PYTHON) -m pytest -m stack
	@$(KAIROS) promises --check

test-fast: setup ## the pure tests (<= 60 s)
	@$(PYTHON) -m pytest -m fast $(ON_ALL_CORES)

check: setup ## lint and types
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy models schemas evidence connectors operators jobs gateway cli infra benchmarks

golden: setup ## add golden bytes for schemas that have none yet; existing ones are never rewritten
	@$(PYTHON) -m tests.schemas.golden

prove: setup ## one full-size proof with its report: make prove replay
	@$(if $(filter learning statistics,$(NAME)),$(SETUP) judges,:)
	@$(if $(filter oscar,$(NAME)),$(SETUP) oscar browser,:)
	@$(KAIROS) prove $(NAME)

promises: ## each promise with the test that proves it and its last result
	@$(KAIROS) promises

bench: setup ## measure; one table: make bench, or make bench render
	@$(KAIROS) bench $(NAME)
