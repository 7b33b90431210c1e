"""What a GPU is to the kernels: memory, launches and their recordings, instructions; all that asks for numba-cuda."""
