"""Grid kernels of which there are several, each for its own sizes, and what of the device they have to be fitted to."""

from functools import cache

from tsrnn.kernels.cuda.driver import SIMULATED, compiled, cuda, launch, name_of

if not SIMULATED:
    from numba.cuda.cudadrv.driver import binding, driver

SHARED = 48 * 1024  # bytes of shared memory that a block has without asking for more

FAMILIES = {}  # what makes the Python functions, by the end of their module's name and their own


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
        self._has_room = SIMULATED or shared <= SHARED

    def launch(self, blocks: int, *arguments) -> None:
        """Run it on so many blocks: see `launch`."""
        if not self._has_room:
            self._ask_for_room([getattr(a, "for_kernels", a) for a in arguments])
            self._has_room = True
        launch(self._compiled, blocks, self.threads, *arguments, shared=self.shared)

    def _ask_for_room(self, arguments) -> None:
        """Be allowed more shared memory than a block has without asking."""
        loaded = self._compiled.compile(tuple(map(self._compiled.typeof_pyval, arguments)))
        function = loaded.library.get_cufunc()
        attribute = binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
        driver.cuKernelSetAttribute(attribute, self.shared, function.handle, function.device.id)


@cache
def capability() -> tuple[int, int]:
    """Compute capability of the device, which says what instructions it knows; the simulator knows all."""
    return cuda.get_current_device().compute_capability if not SIMULATED else (9, 0)


@cache
def most_shared() -> int:
    """Bytes of shared memory, at most, that a block can ask for."""
    return cuda.get_current_device().MAX_SHARED_MEMORY_PER_BLOCK_OPTIN if not SIMULATED else 227 * 1024
