# Each target does all of its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test chaos lint bench simulate gamedays clean

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "Setting up $(VENV) (once; about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit("terrella needs Python 3.11 or newer; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# The talk twice: in scenes, each of which says what it shows; then as what one keeps of it, a game day with a report. Exit
# code 3 says that this machine was too busy to tell.
demo: $(VENV)/.installed
	@$(BIN)/terrella demo
	@$(BIN)/terrella gameday examples/items/gamedays/talk.yaml --profile fast --report talk.html || test $$? -eq 3

# The end-to-end tests run whole worlds, and mostly wait for them; what judges how long something took runs when nothing
# else does. Their many processes find the sources compiled, whatever has changed and whether or not Python is told to
# keep what it compiles.
E2E_OPTIONS ?=
test: $(VENV)/.installed
	@$(BIN)/python -m compileall -q src
	$(BIN)/python -m pytest -n 2 --dist worksteal --ignore tests/e2e
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not alone" $(E2E_OPTIONS) tests/e2e
	$(BIN)/python -m pytest -m alone $(E2E_OPTIONS) tests/e2e

# Real processes under a hundred SIGKILLs, and cuts, while clients write; about five minutes.
KILLS ?= 100
chaos: $(VENV)/.installed
	@$(BIN)/python -m tests.chaos --kills $(KILLS)

lint: $(VENV)/.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# Random worlds under random faults; what fails is kept in simulation-failures/, and replayed by its number.
SEEDS ?= 10000
FIRST ?= 0
simulate: $(VENV)/.installed
	@$(BIN)/python -m terrella.testing.simulation $(FIRST) $$(($(FIRST) + $(SEEDS) - 1))

# Every ready game day of the example, ten times in both profiles: hours. PROFILES=fast REPEAT=1 takes ten minutes. Worlds
# mostly wait: on two cores that do nothing else, `make --jobs 4 gamedays PROFILES=aws` takes two hours.
REPEAT ?= 10
SEED ?= 1
PROFILES ?= fast aws
GAMEDAYS ?= $(filter-out %/requests.yaml,$(wildcard examples/items/gamedays/*.yaml))
HELD := $(foreach profile,$(PROFILES),$(patsubst %.yaml,held-$(profile)/%,$(notdir $(GAMEDAYS))))
.PHONY: $(HELD)
gamedays: $(VENV)/.installed
	@$(MAKE) --no-print-directory --keep-going $(if $(filter -j%,$(MAKEFLAGS)),--output-sync) $(HELD)
$(HELD): held-%: $(VENV)/.installed
	@$(BIN)/terrella gameday $(filter %/$(*F).yaml,$(GAMEDAYS)) --profile $(*D) --repeat $(REPEAT) --seed $(SEED) \
	  --report gameday-reports/$*.html

bench: $(VENV)/.installed
	@$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
