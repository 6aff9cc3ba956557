# `make help` lists the targets. Everything that needs Python sets up .venv first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= 2
STUDENTS ?= 30
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup lab demo test browser screenshots lint release strip verify clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-11s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is %d.%d. Name another: make setup PYTHON=python3.12" % sys.version_info[:2] or 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[instructor,test]'
	@touch $@

setup: $(READY) ## make .venv with everything needed (again: does nothing)

lab: $(READY) ## open JupyterLab on the lessons
	$(BIN)/jupyter lab --notebook-dir notebooks

demo: $(READY) ## a made-up class through release, grading, feedback and report
	$(BIN)/autograde demo --students $(STUDENTS)

test: $(READY) ## every test that needs no GPU, no network and no browser
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m "not gpu and not network and not browser"
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --nbval-lax --nbval-current-env solutions

browser: $(READY) ## the tests in JupyterLab, Formgrader and Chromium, which must be installed
	BROWSER=required $(BIN)/python -m pytest -m browser

screenshots: $(READY) ## make README's pictures again (needs Chromium)
	SCREENSHOTS=docs BROWSER=required $(BIN)/python -m pytest -m browser
	$(BIN)/python docs/picture.py

lint: $(READY) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p course_utils
	$(BIN)/mypy --strict -p autograde
	$(BIN)/lint-imports --no-cache

release: $(READY) ## make notebooks/ from solutions/
	$(BIN)/autograde release

strip: $(READY) ## drop outputs from the sources, keeping the cells' ids
	$(BIN)/nbstripout --keep-id solutions/*/*.ipynb

verify: $(READY) ## the course against itself: solutions, blanks, known mistakes
	$(BIN)/autograde verify

clean: ## remove .venv and caches (a class's data in class/ stays)
	rm -rf $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
