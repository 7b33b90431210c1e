# `make demo` and `make test` need Python 3.11 or newer and nothing else.
PYTHON ?= python3
VENV ?= .venv
BENCH_ENV ?= .bench-env
CUDA_ENV ?= .cuda-env
BIN = $(VENV)/bin

.PHONY: demo test test-host test-cuda test-nojit cuda-check gpu lint bench-env clean

demo: $(VENV)/.plot
	mkdir -p demo
	$(BIN)/tsrnn forecast datasets/airpassengers.csv --horizon 12 --evaluate \
		--out demo/forecast.csv --plot demo/forecast.png

test: test-host test-cuda

# All but the CUDA kernels.
test-host: $(VENV)/.test
	$(BIN)/python -m pytest -q

# The CUDA kernels in Numba's simulator, which a process has to be started with, a process for each processor. What runs
# beside them on the host is not compiled either: for so little it would take longer.
test-cuda: $(VENV)/.test
	NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -q -n auto tests/on_device

# Their machine code, and what the host does to launch them. The compiler comes as wheels: no GPU, no driver and no CUDA
# toolkit are needed.
cuda-check: $(CUDA_ENV)/.cuda
	PYTHONPATH=tests $(CUDA_ENV)/bin/python -m on_device.launch_check
	PYTHONPATH=tests $(CUDA_ENV)/bin/python -m on_device.compile_check

# On a machine with an NVIDIA GPU: the tests there, the memory checker and the benchmark, whose figures the README shows
# after `python benchmarks/render.py`.
gpu:
	PYTHON=$(PYTHON) benchmarks/on_gpu.sh build/gpu; code=$$?; cp build/gpu/cuda.json benchmarks/results/ && exit $$code

# The lowest floor once more without compilation: coverage sees inside the kernels. What stands above it is plain Python
# with or without, and takes as long again.
test-nojit: $(VENV)/.test
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m coverage run -m pytest -q -m "not slow" tests/kernels
	$(BIN)/python -m coverage report --skip-covered --include "tsrnn/kernels/*" --omit "tsrnn/kernels/cuda/*"

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# What benchmarks/ compares with: what can live beside tsrnn in $(VENV), the rest in an environment of its own.
bench-env: $(VENV)/.bench $(BENCH_ENV)/.peers

$(VENV)/.plot: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[plot]"
	touch $@

$(VENV)/.test: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

$(VENV)/.bench: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable ".[bench]"
	touch $@

$(CUDA_ENV)/.cuda: pyproject.toml
	test -x $(CUDA_ENV)/bin/python || $(PYTHON) -m venv $(CUDA_ENV)
	$(CUDA_ENV)/bin/python -m pip install --quiet --editable ".[cuda]"
	touch $@

$(BENCH_ENV)/.peers: benchmarks/peers.txt
	test -x $(BENCH_ENV)/bin/python || $(PYTHON) -m venv $(BENCH_ENV)
	$(BENCH_ENV)/bin/python -m pip install --quiet --requirement benchmarks/peers.txt
	touch $@

clean:
	rm -rf $(VENV) $(BENCH_ENV) $(CUDA_ENV) tsrnn/kernels/__pycache__ .pytest_cache .ruff_cache .hypothesis demo build dist
