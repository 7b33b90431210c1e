"""Arrays of other libraries that lie on a CUDA device: which of the arguments they are, and what is checked for them.

What scikit-learn checks, and what is said of it, is for them as for arrays of the host: zeros of their shape, which
take no memory, go through the same checks. That the numbers are finite is found on the device (`devicerows.py`).
"""

from contextlib import suppress
from importlib import import_module

import numpy as np

from tsrnn.training.devices import lies_on_device, resolved


def taken(model, **given) -> dict:
    """Those of the arguments that lie on a device, by name, as arrays of `tsrnn.kernels.cuda.machine`. None is copied.

    Raises
    ------
    TypeError
        Where the estimator computes on the CPU, for a type of numbers that is not taken there, or for an array that
        nobody here can read.
    """
    lying = {name: values for name, values in given.items() if lies_on_device(values)}
    if not lying:
        return lying
    names = " and ".join(lying)
    if resolved(model.device) == "cpu":
        raise TypeError(
            f"{names} on a CUDA device cannot be read by the CPU, where device={model.device!r} computes; set "
            "device='cuda', or bring the data to the host"
        )
    from tsrnn.kernels.cuda.machine.arrays import Array  # which imports numba-cuda

    arrays = {name: Array.borrowed(_with_address(values, name)) for name, values in lying.items()}
    for name, array in arrays.items():
        if array.dtype not in (np.float32, np.float64, np.int32, np.int64):
            raise TypeError(
                f"{name} on a CUDA device must hold float32, float64, int32 or int64, got dtype {array.dtype}"
            )
    return arrays


def _with_address(values, name: str):
    """The array, or where it offers DLPack alone what CuPy or torch make of it: the same memory, with its address."""
    if hasattr(values, "__cuda_array_interface__"):
        return values
    for library in ("cupy", "torch"):
        with suppress(ImportError):
            return import_module(library).from_dlpack(values)
    raise TypeError(f"{name} on a CUDA device offers DLPack alone, which CuPy or torch can read; install one of them")


def stand_in(array) -> np.ndarray:
    """Zeros in the shape of an array that lies on a device, of the floating type that it is read in."""
    return np.broadcast_to(np.zeros((), floating(array.dtype)), array.shape)


def floating(dtype: np.dtype) -> np.dtype:
    """The type that numbers are computed in, as scikit-learn has it: float64 for integers."""
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)


def on_host(model, **given) -> list:
    """The arguments, of which those that lie on a device are copied to the host."""
    lying = taken(model, **given)
    return [lying[name].to_host() if name in lying else values for name, values in given.items()]
