"""The scripts of benchmarks/ are no package: they are loaded by their path."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="session")
def script():
    """A function that loads a script by its name."""

    def load(name):
        spec = spec_from_file_location(f"benchmarks_{name}", FOLDER / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load
