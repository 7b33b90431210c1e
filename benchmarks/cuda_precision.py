"""In which precision tsrnn multiplies on a GPU, where there is a choice."""

import inspect

from tsrnn.training.devices import workers_on


def precisions() -> list[str]:
    """In which tsrnn can multiply on the device: "tf32" where there is a choice."""
    choice = "precision" in inspect.signature(workers_on).parameters
    return ["float32", "tf32"] if choice else ["float32"]


def chosen(precision: str) -> dict:
    """The argument that chooses a precision; none where there is no choice."""
    return {"precision": precision} if len(precisions()) > 1 else {}
