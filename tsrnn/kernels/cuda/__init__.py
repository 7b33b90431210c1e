"""Grid kernels that call the CPU's formulas. Importing this package imports nothing of numba-cuda; its modules do."""
