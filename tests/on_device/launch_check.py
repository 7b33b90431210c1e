"""What the host does to have a GPU work, checked and timed without one: the second part of `make cuda-check`.

A driver that computes nothing (`hollow_driver.c`) takes the calls. Arguments of launches have to be, byte for byte,
those that numba-cuda hands over; updates have to be recorded without a call that a recording does not bear, replayed
by one launch and one copy each, and given back. What the host spends on them is printed: the machine's own seconds of
processor, no seconds of a GPU.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from statistics import median

import numpy as np

LAUNCHES, RECORDED, GRAPH_LAUNCHES, COPIES, ALLOCATIONS, LIVE_GRAPHS, MISUSES = range(7)
FEW, MANY = 20, 120  # updates of two runs, whose difference is timed


def counts(library) -> np.ndarray:
    return np.array([library.hollow_count(k) for k in range(MISUSES + 1)])


def handed_over(library, launch, arguments) -> bytes:
    """What the driver is given as arguments of a launch, word by word."""
    from tsrnn.kernels.cuda.machine.arrays import Array

    width = {bool: 1, np.float32: 4}
    sizes = []
    for a in arguments:
        sizes += [8] * (5 + 2 * a.ndim) if isinstance(a, Array) else [width.get(type(a), 8)]
    out = ctypes.create_string_buffer(sum(sizes))
    kept = (ctypes.c_int * len(sizes))(*sizes)
    library.hollow_want(ctypes.c_long(len(sizes)), kept, out)
    launch()
    return out.raw


def by_numba(array):
    """An array as numba-cuda takes it."""
    from numba import cuda
    from numba.cuda.cudadrv.devicearray import DeviceNDArray
    from numba.cuda.cudadrv.driver import MemoryPointer, binding

    from tsrnn.kernels.cuda.machine.driver import strides_of

    seen = array.for_kernels
    data = MemoryPointer(cuda.current_context(), binding.CUdeviceptr(seen.pointer), max(1, seen.view.nbytes))
    return DeviceNDArray(array.shape, strides_of(seen.view), array.dtype, gpu_data=data)


def launches() -> list[tuple]:
    """Kernels and arguments of all kinds: views, an axis of one element, numbers of each type."""
    from tsrnn.kernels.cuda import dropout, gru, optimization, reductions
    from tsrnn.kernels.cuda.machine import arrays
    from tsrnn.kernels.cuda.machine.arrays import Array

    a, d = Array.from_host(np.arange(24, dtype=np.float32).reshape(2, 3, 4)), Array.from_host(np.arange(4.0))
    line, keys, one = a.reshape(-1), Array.from_host(np.arange(2, dtype=np.uint64)), np.float32(2.5)
    return [
        (arrays._fill, a, one),
        (arrays._fill, a[:, ::2], one),
        (arrays._fill, a[:, :, None][:, 1:, :, 0], one),
        (arrays._copy, a, a[::-1]),
        (reductions._finish, d, True),
        (dropout._dropout, line, line, keys, np.uint64(2**63 + 5), np.uint64(9), one),
        (optimization._clipped_adam, line, line, line, line, d, np.inf, line),
        (gru._forward, a, a, a, a[0], line, -3),
    ]


def check_arguments(library) -> list[str]:
    """Kernels whose arguments are not those that numba-cuda hands over."""
    from tsrnn.kernels.cuda.machine.arrays import Array
    from tsrnn.kernels.cuda.machine.driver import launch

    wrong = []
    for kernel, *arguments in launches():
        theirs = [by_numba(a) if isinstance(a, Array) else a for a in arguments]
        found = handed_over(library, lambda k=kernel, a=arguments: launch(k, 200, 32, *a), arguments)
        if found != handed_over(library, lambda k=kernel, a=theirs: k[200, 32](*a), arguments):
            wrong.append(kernel.py_func.__name__)
    return wrong


def trainer(layers: int, updates: int, records: bool):
    """A GRU's at 64 sequences of 48 steps and 64 units: what a GPU is done with before the host has asked for it."""
    from tsrnn.forecasting.samples.windows import TableRows
    from tsrnn.network.network import Network
    from tsrnn.training import cuda
    from tsrnn.training.trainer import Trainer, TrainingOptions

    cuda.Device.records = records
    rng = np.random.default_rng(0)
    network = Network("gru", 48, 1, 64, layers, 1, dropout=0.1)
    x, y = rng.standard_normal((64 * MANY, 48, 1)).astype(np.float32), rng.standard_normal((64 * MANY, 1))
    samples = TableRows(x, y, None, np.zeros(1), np.ones(1))
    options = TrainingOptions(
        "squared_error", 0.0, "cosine", 1e-3, 1.0, 64, updates, updates, None, updates, 0.0, 1, device="cuda"
    )
    return Trainer(network, network.initialize(rng, np.dtype(np.float32)), options, samples, None, rng)


def run(library, layers: int, updates: int, records: bool) -> tuple[float, np.ndarray]:
    """Seconds of processor, and calls by kind, of a training."""
    training, before, start = trainer(layers, updates, records), counts(library), time.process_time()
    training.run()
    return time.process_time() - start, counts(library) - before


def check_updates(library, layers: int, records: bool) -> list[str]:
    """What is wrong with updates, and a line on what they cost the host."""
    run(library, layers, 3, records)  # compiles
    few, many = ([run(library, layers, updates, records) for updates in (count,) * 5] for count in (FEW, MANY))
    seconds = median(m - f for (m, _), (f, _) in zip(many, few, strict=True)) / (MANY - FEW)
    calls = (many[-1][1] - few[-1][1]) / (MANY - FEW)
    how = "replayed" if records else "call by call"
    print(
        f"GRU, {layers} layers, B64 T48 H64, {how}: {1e6 * seconds:.0f} us of the host an update; launches "
        f"{calls[LAUNCHES]:.2f}, graphs {calls[GRAPH_LAUNCHES]:.2f}, copies {calls[COPIES]:.2f}, "
        f"allocations {calls[ALLOCATIONS]:.2f}"
    )
    wrong = []
    if records and (calls[GRAPH_LAUNCHES] != 1 or calls[LAUNCHES] != 0 or not 1 <= calls[COPIES] < 1.1):
        wrong.append(f"an update of {layers} layers is not one launch of a graph and one copy")
    if not records and calls[GRAPH_LAUNCHES]:
        wrong.append("what is not to be recorded is replayed")
    return wrong


def check_threads() -> list[str]:
    """A thread that has not used the device before can launch."""
    from tsrnn.kernels.cuda.machine.arrays import Array

    array, errors = Array.from_host(np.zeros(3)), []

    def use():
        try:
            array[...] = 1.0
            array.to_host()
        except Exception as error:
            errors.append(f"in another thread: {error!r}")

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    return errors


def check_launch_time() -> None:
    """What a launch with four new views costs the host, here and by numba-cuda."""
    from tsrnn.kernels.cuda import gru
    from tsrnn.kernels.cuda.machine.arrays import Array
    from tsrnn.kernels.cuda.machine.driver import launch

    a, line = Array.from_host(np.zeros((2, 3, 4), np.float32)), Array.from_host(np.zeros(3, np.float32))

    def ours():
        launch(gru._forward, 200, 32, *(a[k:] for k in (0, 0, 1)), a[0], line[:], 3)

    def theirs():
        gru._forward[200, 32](*(by_numba(a[k:]) for k in (0, 0, 1)), by_numba(a[0]), by_numba(line[:]), 3)

    for name, call in (("tsrnn", ours), ("numba-cuda", theirs)):
        times = []
        for _ in range(7):
            start = time.process_time()
            for _ in range(300):
                call()
            times.append((time.process_time() - start) / 300)
        print(f"a launch with five arrays and a number, by {name}: {1e6 * median(times):.0f} us of the host")


def inside() -> int:
    """All checks, where the hollow driver is the driver."""
    warnings.simplefilter("ignore")  # numba-cuda's, of few blocks
    library = ctypes.CDLL("libcuda.so.1")
    library.hollow_count.restype = ctypes.c_long
    wrong = [f"arguments of {name}" for name in check_arguments(library)] + check_threads()
    check_launch_time()
    for layers in (1, 2):
        for records in (False, True):
            wrong += check_updates(library, layers, records)
    found = counts(library)
    if found[MISUSES]:
        wrong.append(f"{found[MISUSES]} calls that a recording does not bear")
    if found[LIVE_GRAPHS]:
        wrong.append(f"{found[LIVE_GRAPHS]} graphs that are not given back")
    print("launches:", "; ".join(wrong) or "as they are to be")
    return 1 if wrong else 0


def main() -> int:
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        print("launches: not checked, there is no C compiler")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        source = Path(__file__).with_name("hollow_driver.c")
        subprocess.run(
            [compiler, "-O1", "-shared", "-fPIC", "-o", f"{folder}/libcuda.so.1", source, "-ldl"], check=True
        )
        paths = [folder, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        environment = os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(paths)}
        command = [sys.executable, "-m", "on_device.launch_check", "inside"]
        return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    sys.exit(inside() if sys.argv[1:] == ["inside"] else main())
