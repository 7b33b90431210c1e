#!/usr/bin/env bash
# All that needs an NVIDIA GPU, in one call: install, the tests on the device, the memory checker, the benchmark. What
# each says is kept in a file of its own, and no part that fails or takes too long keeps the others from their turn.
#
#     benchmarks/on_gpu.sh FOLDER [SECONDS]      SECONDS for all of it; default 1200
#
# PYTHON, by default python3, is used as it is if it has numba-cuda, torch and pytest; else they are installed into
# .cuda-env. The data set of the benchmark's last part is read from TSRNN_DATA.
set -uo pipefail
out=$(mkdir -p "${1:?a folder for what the parts say}" && cd "$1" && pwd)
seconds=${2:-1200}
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

echo "== install"
{
    nvidia-smi
    if ! $python -c "import numba.cuda.core, torch, pytest, sklearn, pandas, threadpoolctl, tqdm, typer"; then
        extra=cuda$(nvidia-smi | sed -n 's/.*CUDA.*Version: \([0-9]*\).*/\1/p')
        $python -m venv .cuda-env && .cuda-env/bin/python -m pip install --quiet --editable ".[$extra,test]" torch
        python=.cuda-env/bin/python
    fi
    $python -m pip list
} > "$out/install.log" 2>&1
tail -n 1 "$out/install.log"

failed=0
# part NAME SECONDS COMMAND...: its last lines are shown, all of them kept
part() {
    local name=$1 limit=$2
    shift 2
    echo "== $name, at most $limit s"
    timeout --signal=INT --kill-after=20 "$limit" "$@" > "$out/$name.log" 2>&1
    local code=$?
    [ $code = 0 ] || { failed=1; echo "$name ended with $code" >> "$out/$name.log"; }
    tail -n "${lines:-15}" "$out/$name.log"
}

memcheck=tests/on_device/test_gpu.py::test_a_fit_reads_and_writes_its_own_memory_alone
pytest="$python -m pytest -q -rs -p no:cacheprovider -W default -m gpu"
started=$SECONDS
part tests $((seconds * 35 / 100)) $pytest --durations=15 --deselect $memcheck tests/on_device
lines=5 part memcheck $((seconds * 15 / 100)) $pytest $memcheck
left=$((seconds - (SECONDS - started) - 20))
lines=60 part bench $((left + 20)) $python benchmarks/bench_cuda.py --budget $((left > 450 ? 450 : left)) --out "$out/cuda.json"
exit $failed
