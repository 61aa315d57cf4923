# `make run` and `make test` do everything on a fresh machine that has Python 3.11, Node 20 and npm.
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

BIN := .venv/bin
# make test SLOW=1 also runs the tests that take long; make test T=tests/canvas runs only those.
T ?=
PYTEST := $(BIN)/python -m pytest $(if $(SLOW),--slow) $(PYTEST_FLAGS) $(T)

.PHONY: help run test test-python test-frontend lint lint-python lint-frontend set-up format build-frontend lock screenshots bench clean

help: ## say what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

# `exec`: the server takes the shell's place, so a signal to make reaches it, and make waits until it has stopped.
run: ## set up what is missing, then serve in the foreground
	@scripts/setup.sh run
	@exec $(BIN)/studiolo serve

test: test-frontend test-python ## set up what is missing, a browser too, then run all tests

test-frontend:
	@scripts/setup.sh dev
	@cd frontend && npm test --silent

test-python:
	@scripts/setup.sh dev
	@scripts/servers.sh --find
	@STUDIOLO_BROWSER="$$(scripts/browser.sh)" && export STUDIOLO_BROWSER && $(PYTEST)

lint: lint-python lint-frontend ## linters, formatting, types, the import contract

# These two need not wait for each other: `make -j2 lint`.
lint-python lint-frontend: set-up

set-up:
	@scripts/setup.sh dev

lint-python:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

lint-frontend:
	cd frontend && npm run lint --silent
	cd frontend && npm run check --silent

format: ## put the Python in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build-frontend: ## build the page into the package, if its sources changed
	@scripts/setup.sh run

lock: ## choose exact versions anew; FLAGS=--upgrade takes newer ones
	@scripts/setup.sh dev
	@scripts/lock.sh $(FLAGS)
	@for folder in frontend tests; do (cd $$folder && npm install --package-lock-only --no-audit --no-fund); done

screenshots: ## make the pictures in docs/images from the running program
	@scripts/setup.sh dev
	@STUDIOLO_BROWSER="$$(scripts/browser.sh)" $(BIN)/python scripts/screenshots.py

bench: ## measure every performance claim beside its peer
	@scripts/setup.sh dev
	@for script in bench/*.py; do $(BIN)/python "$$script" || exit 1; done
	@$(BIN)/python -m bench.rooms --out bench/results/rooms.md
	@$(BIN)/python -m bench.agents --out bench/results/agents.md
	@STUDIOLO_BROWSER="$$(scripts/browser.sh)" $(BIN)/python -m bench.review --out bench/results/review.md

clean: ## forget everything that was installed and built
	rm -rf .venv frontend/node_modules src/studiolo/web/static build dist
