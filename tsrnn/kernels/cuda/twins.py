"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

from tsrnn.kernels import linear
from tsrnn.kernels.cuda import linear as cuda_linear

TWINS = {
    linear.affine: cuda_linear.affine,
    linear.affine_gradient: cuda_linear.affine_gradient,
    linear.affine_input_gradient: cuda_linear.affine_input_gradient,
    linear.column_sums: cuda_linear.column_sums,
    linear.steps_to_columns: cuda_linear.steps_to_columns,
    linear.accumulate: cuda_linear.accumulate,
}
