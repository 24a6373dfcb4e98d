# Each target sets up what it needs, from a bare Python ≥ 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test soak check flaws secrets weaknesses setup lock bill trace texts vendor clean

# The node alone, as a hospital without a GPU runs it: no torch.
$(VENV)/.node: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Osteon needs Python 3.11 or newer")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	touch $@

# With training, CUDA and the tools that check the code.
$(VENV)/.full: requirements-dev.lock $(VENV)/.node
	$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	touch $@

setup: $(VENV)/.full

demo: $(VENV)/.node
	$(BIN)/python -m demo $(if $(ONCE),--once) $(if $(IMAGE),--image "$(IMAGE)")

# Four processes of one thread each on two cores: many tests compute, and those of whole nodes wait
# for clocks (974 s with three, 912 s with four, other work beside both). The long files come first, so
# that all end together (tests/conftest.py). Code is kept compiled, whatever the environment says:
# hundreds of processes load it. What they write goes to memory where that has room for it: hundreds
# of databases would be waited for.
SCRATCH = $(shell test "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 12000000 \
	2>/dev/null && echo /dev/shm || echo "$${TMPDIR:-/tmp}")
test: $(VENV)/.full
	TMPDIR=$(SCRATCH) OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# What is too long for every change: a witnessed soak of so many minutes, with its report, then for as
# many the tests that are marked so, whatever the first half found. Their results and seeds are in
# tests.xml; none begins when the time is over, and one that has begun has a limit of its own.
MINUTES ?= 240
REPORT ?= soak-report
soak: $(VENV)/.full
	failed=0; \
	$(BIN)/python -m tests.witness.soak --minutes $(MINUTES) --report $(REPORT) $(if $(SEED),--seed $(SEED)) \
		|| failed=1; \
	$(if $(SEED),FUZZ_SEED=$(SEED)) $(BIN)/python -m pytest -m soak \
		--session-timeout=$$(( $(MINUTES) * 60 )) --junitxml=$(REPORT)/tests.xml -o junit_logging=system-out || failed=1; \
	exit $$failed

check: $(VENV)/.full flaws secrets
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

CODE := cli db demo dicom_node gateway messages model phantom release settings web worker *.py
flaws: $(VENV)/.full
	$(BIN)/bandit --quiet --configfile pyproject.toml --severity-level medium --recursive $(CODE)

# What names are made of by chance is no secret: figures, hashes, and what others wrote.
FILES := $(shell git ls-files '*.py' '*.md' '*.toml' '*.yml' '*.html' '*.sh' '*.example' 'deploy/*' \
	':!docs/evidence' ':!docs/sbom' ':!tests/messages/fhir-server')
secrets: $(VENV)/.full
	@printf '%s\n' $(FILES) | xargs -n 400 -P 2 $(BIN)/detect-secrets-hook

# Asks OSV, or a mirror of it, about each pin: needs a network, and so is no part of `check`.
OSV_URL := https://api.osv.dev/v1/query
LOCKS := requirements-dev.lock requirements-gpu.lock
weaknesses: $(VENV)/.full
	$(BIN)/pip-audit --progress-spinner off --disable-pip --require-hashes \
		--vulnerability-service osv --osv-url $(OSV_URL) $(foreach lock,$(LOCKS),-r $(lock))

LOCK := $(BIN)/uv pip compile -q pyproject.toml --extra build --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --universal --python-version 3.11
lock:
	$(LOCK) -o requirements.lock
	$(LOCK) --extra gpu -o requirements-gpu.lock
	$(LOCK) --extra gpu --extra train --extra dev -o requirements-dev.lock

# After a change of the locks, of the classifier or of the version.
bill: $(VENV)/.full
	$(BIN)/python -m release bill

# After a change of requirements, or of the tests that hold them.
trace: $(VENV)/.full
	$(BIN)/python -m release trace

# What the pages say, for whoever translates it.
texts: $(VENV)/.full
	cd web && ../$(BIN)/pybabel -q extract -F locale/babel.cfg -k N_ -k say --omit-header --no-location \
		--sort-output -o locale/osteon.pot .

# The browser's libraries that are kept here, fetched again at the versions of their package.json.
vendor:
	cd web/static/vendor && npm install --ignore-scripts --no-audit --no-fund --no-package-lock --silent
	cd web/static/vendor && cp node_modules/htmx.org/dist/htmx.min.js \
		node_modules/idiomorph/dist/idiomorph-ext.min.js . && rm -r node_modules

clean:
	rm -rf $(VENV) build *.egg-info
