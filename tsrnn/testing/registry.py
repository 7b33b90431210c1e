"""The list of checks: each check names itself, what it needs, and the cases to try."""

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from tsrnn.testing.subject import Subject

CHECKS: list[tuple[Callable, dict, Callable]] = []  # function, case, and for which subjects


@dataclass(frozen=True)
class Check:
    """One check of one estimator: call it, and it raises what is wrong.

    Attributes
    ----------
    function : callable
        Its docstring says what is checked.
    case : dict
        Its further arguments.
    subject : Subject
    """

    function: Callable
    subject: Subject
    case: dict = field(default_factory=dict)

    def __call__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what an estimator advises is not checked
            try:
                self.function(self.subject, **self.case)
            except Exception as error:
                words = " ".join((self.function.__doc__ or "").split())
                error.add_note(f"{self} of {self.subject.estimator!r}: {words}")
                raise

    def __str__(self) -> str:
        values = "-".join(str(value) for value in self.case.values())
        return self.function.__name__ + (f"[{values}]" if values else "")


def checked(needs: Callable[[Subject], bool] = lambda subject: True, **cases):
    """Put a check on the list, once for each combination of the `cases` of its arguments."""

    def register(function):
        for case in itertools.product(*cases.values()):
            CHECKS.append((function, dict(zip(cases, case, strict=True)), needs))
        return function

    return register
