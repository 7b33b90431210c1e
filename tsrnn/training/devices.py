"""Which device computes: the processors of the host, or a GPU."""

from tsrnn.kernels.availability import why_no_gpu
from tsrnn.training.parallel import Workers

DEVICES = ("cpu", "cuda", "auto")
ON_CUDA = (2, 13)  # DLPack's numbers for CUDA's own and its managed memory
PRECISIONS = ("float32", "tf32")


def resolved(device: str) -> str:
    """The device that one of `DEVICES` means here: "auto" is a GPU where there is one that can be used.

    Raises
    ------
    RuntimeError
        For "cuda" where that cannot be; the message says in one line what is missing and what to do.
    """
    if device == "cpu":
        return device
    reason = why_no_gpu()
    if reason is None:
        return "cuda"
    if device == "auto":
        return "cpu"
    raise RuntimeError(f"device='cuda' cannot be used: {reason}")


def lies_on_device(values) -> bool:
    """Whether these are an array in a CUDA device's memory, of whatever library."""
    device = getattr(values, "__dlpack_device__", None)
    return hasattr(values, "__cuda_array_interface__") or (device is not None and device()[0] in ON_CUDA)


def workers_on(device: str, n_jobs: int | None, precision: str):
    """What runs the chunks of batches on a device: see `tsrnn.training.parallel.Workers`.

    `precision`, one of `PRECISIONS`, is that of a GPU's products; the CPU's are exact.
    """
    if resolved(device) == "cpu":
        return Workers(n_jobs)
    from tsrnn.training.cuda import Device  # which imports numba-cuda

    return Device(precision)
