"""Whether a GPU can be used, and if not, why: asked without importing numba-cuda where it is not installed."""

import importlib.util

INSTALL = 'pip install "tsrnn[cuda12]" or "tsrnn[cuda13]", whichever CUDA nvidia-smi names'


def why_no_gpu() -> str | None:
    """What is missing for `device="cuda"` and what to do about it, in one line; None if nothing is."""
    if importlib.util.find_spec("numba_cuda") is None:
        return f"numba-cuda is not installed; {INSTALL}"
    try:
        from tsrnn.kernels.cuda.machine import driver
    except ImportError as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        return f"numba-cuda cannot be imported ({reason}); {INSTALL}"
    return driver.why_unusable()
