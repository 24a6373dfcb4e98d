# Each target sets up what it needs, from a bare Python ≥ 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test soak check setup lock texts vendor clean

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

# Three processes of one thread each on two cores: many tests compute, and those of whole nodes wait
# for clocks. tests/conftest.py puts the long files first, so that all processes end together. Code is
# kept compiled, even where the environment says otherwise: hundreds of processes load it.
test: $(VENV)/.full
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# What is too long for every change.
soak: $(VENV)/.full
	$(BIN)/python -m pytest -m soak

check: $(VENV)/.full
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

LOCK := $(BIN)/uv pip compile -q pyproject.toml --extra build --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --universal --python-version 3.11
lock:
	$(LOCK) -o requirements.lock
	$(LOCK) --extra gpu -o requirements-gpu.lock
	$(LOCK) --extra gpu --extra train --extra dev -o requirements-dev.lock

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
