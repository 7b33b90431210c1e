"""Floor 1: arrays in, arrays out. No classes, no validation, no pandas; kernels never raise."""
