"""Grid kernels of which there are several, each for its own sizes, and what of the device they have to be fitted to."""

from functools import cache

from tsrnn.kernels.cuda.machine.driver import SIMULATED, compiled, cuda, launch, name_of

TF32_FROM = (8, 0)  # compute capability
FAMILIES = {}  # what makes the Python functions, by name


def family(make):
    """Compile grid kernels that close over numbers, which the compiler so knows, one for each choice of numbers.

    `make(*numbers)` returns the function, the threads of a block and the bytes of shared memory that a block has.
    """
    name = name_of(make)
    FAMILIES[name] = make

    @cache
    def kernel_for(*numbers) -> Fitted:
        function, threads, shared = make(*numbers)
        function.family = name
        return Fitted(function, threads, shared)

    return kernel_for


class Fitted:
    """One kernel of a family.

    Attributes
    ----------
    threads : int
        Of a block.
    shared : int
        Bytes of shared memory of a block.
    """

    def __init__(self, function, threads: int, shared: int):
        self.threads, self.shared = threads, shared
        # The bounds tell the compiler how many registers a thread may have.
        self._compiled = compiled(function, launch_bounds=(threads, 1))

    def launch(self, blocks: int, *arguments) -> None:
        """Run it on so many blocks: see `launch`."""
        launch(self._compiled, blocks, self.threads, *arguments, shared=self.shared)


@cache
def capability() -> tuple[int, int]:
    """Compute capability of the device, which says what instructions it knows; the simulator knows all."""
    return cuda.get_current_device().compute_capability if not SIMULATED else (9, 0)


@cache
def most_shared() -> int:
    """Bytes of shared memory, at most, that a block can ask for."""
    return cuda.get_current_device().MAX_SHARED_MEMORY_PER_BLOCK_OPTIN if not SIMULATED else 227 * 1024
