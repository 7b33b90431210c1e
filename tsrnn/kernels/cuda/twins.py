"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

from tsrnn.kernels import optimization
from tsrnn.kernels.cuda import optimization as cuda_optimization

TWINS = {
    optimization.sum_in_order: cuda_optimization.sum_in_order,
    optimization.norm: cuda_optimization.norm,
    optimization.checked_norm: cuda_optimization.checked_norm,
    optimization.clipped_adam: cuda_optimization.clipped_adam,
}
