"""Products of large matrices by cuBLAS, where that is installed: beside torch, CuPy or a CUDA toolkit it is.

It is called through its C interface, on the arrays where they lie and in the stream of our kernels, in which what was
asked for before is done before. float32 stays float32: only arrays of precision "tf32" are made by tensor cores.
NVIDIA says of cuBLAS (section "Results Reproducibility" of its manual) that a version of it gives the same bits at
every run on GPUs of the same architecture with the same number of multiprocessors, as long as one stream is active; the
work space here is ours, which is one of the ways that the manual names to have the same with several.
"""

import ctypes
import threading
from functools import cache

import numpy as np

from tsrnn.kernels.cuda.machine.arrays import Array
from tsrnn.kernels.cuda.machine.driver import cuda, stream

SMALLEST = 256  # rows, columns and terms, at least, of what is worth it: else memory and launches bound a product
WORK_SPACE = 32 * 2**20  # bytes: what the manual recommends for the largest GPUs

# Kinds of arithmetic that it is asked for. Not float32 where there are tensor cores: our kernels multiply it in parts
# by them, for which they should take half of the time that cuBLAS takes without them.
KINDS = {"float64", "float32", "tf32"}

_AS_IT_IS, _TURNED = 0, 1  # CUBLAS_OP_N and CUBLAS_OP_T
_MATH = {"float32": 0, "tf32": 3}  # CUBLAS_DEFAULT_MATH and CUBLAS_TF32_TENSOR_OP_MATH
_PRODUCTS = {"float32": ("cublasSgemm_v2", ctypes.c_float), "float64": ("cublasDgemm_v2", ctypes.c_double)}


class UnusableError(Exception):
    """cuBLAS says that it cannot do what it was asked for."""


class Blas:
    """cuBLAS in the context of the GPU that is current.

    Parameters
    ----------
    library : ctypes.CDLL, or what has the same functions

    Raises
    ------
    UnusableError
        Where it does not start.
    """

    def __init__(self, library):
        self._library = library
        self._handle = ctypes.c_void_p()
        self._lock = threading.Lock()  # what is set for the handle holds for all threads
        self._call("cublasCreate_v2", ctypes.byref(self._handle), started=False)
        self._space = Array.empty(WORK_SPACE, np.uint8)

    def multiply(
        self, a: Array, b: Array, out: Array, a_turned: bool = False, b_turned: bool = False, add: bool = False
    ) -> None:
        """out = A B, or out += A B.

        Parameters
        ----------
        a : (M, K), or (K, M) if turned; contiguous, read
        b : (K, N), or (N, K) if turned; contiguous, read
        out : (M, N) contiguous, written
        add : bool

        Raises
        ------
        UnusableError
            Where it was not done.
        """
        name, number = _PRODUCTS[out.dtype.name]
        (rows, columns), terms = out.shape, a.shape[0 if a_turned else 1]
        # To cuBLAS, whose matrices lie column after column, each array is its transpose: out^T = B^T A^T.
        with self._lock:
            self._call("cublasSetStream_v2", ctypes.c_void_p(stream()))
            self._call("cublasSetMathMode", ctypes.c_int(_MATH[out.precision]))
            # Setting the stream takes the work space away; one of its own it would allocate within a graph, too.
            self._call("cublasSetWorkspace_v2", ctypes.c_void_p(self._space.address), ctypes.c_size_t(WORK_SPACE))
            self._call(
                name,
                *map(ctypes.c_int, (_TURNED if b_turned else _AS_IT_IS, _TURNED if a_turned else _AS_IT_IS)),
                *map(ctypes.c_int, (columns, rows, terms)),
                ctypes.byref(number(1)),
                *(ctypes.c_void_p(b.address), ctypes.c_int(b.shape[1])),
                *(ctypes.c_void_p(a.address), ctypes.c_int(a.shape[1])),
                ctypes.byref(number(1 if add else 0)),
                *(ctypes.c_void_p(out.address), ctypes.c_int(columns)),
            )

    def _call(self, name: str, *arguments, started: bool = True) -> None:
        handle = (self._handle,) if started else ()
        status = getattr(self._library, name)(*handle, *arguments)
        if status:
            raise UnusableError(f"{name}: status {status}")


def worth(rows: int, columns: int, terms: int, kind: str) -> bool:
    """Whether a product of that shape and kind is one for cuBLAS, and it is there."""
    return (
        kind in KINDS
        and min(rows, columns, terms) >= SMALLEST
        and max(rows, columns, terms) < 2**31
        and found() is not None
    )


def multiplied(a: Array, b: Array, out: Array, **options) -> bool:
    """Whether cuBLAS has written a product that is `worth` it, `Blas.multiply`; if it fails, our kernels have to."""
    try:
        found().multiply(a, b, out, **options)
    except UnusableError:
        return False
    return True


@cache
def found() -> Blas | None:
    """cuBLAS, looked for once, when a large product is first asked for; None where there is none."""
    try:
        from cuda import pathfinder  # comes with numba-cuda's compiler
    except ImportError:
        return None
    try:
        cuda.current_context()  # cuBLAS belongs to the context in which it starts
        return Blas(ctypes.CDLL(pathfinder.load_nvidia_dynamic_lib("cublas").abs_path))
    except (pathfinder.DynamicLibNotFoundError, OSError, AttributeError, UnusableError):
        return None
