"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

from tsrnn.kernels import dropout, layer_norm, losses, optimization, segments
from tsrnn.kernels.cuda import dropout as cuda_dropout
from tsrnn.kernels.cuda import layer_norm as cuda_layer_norm
from tsrnn.kernels.cuda import losses as cuda_losses
from tsrnn.kernels.cuda import optimization as cuda_optimization
from tsrnn.kernels.cuda import segments as cuda_segments

TWINS = {
    dropout.dropout: cuda_dropout.dropout,
    layer_norm.layer_norm: cuda_layer_norm.layer_norm,
    layer_norm.layer_norm_gradient: cuda_layer_norm.layer_norm_gradient,
    losses.squared_error: cuda_losses.squared_error,
    losses.absolute_error: cuda_losses.absolute_error,
    losses.huber_error: cuda_losses.huber_error,
    losses.fill_missing: cuda_losses.fill_missing,
    optimization.sum_in_order: cuda_optimization.sum_in_order,
    optimization.norm: cuda_optimization.norm,
    optimization.checked_norm: cuda_optimization.checked_norm,
    optimization.clipped_adam: cuda_optimization.clipped_adam,
    segments.fold_steps: cuda_segments.fold_steps,
    segments.rectify: cuda_segments.rectify,
    segments.rectify_gradient: cuda_segments.rectify_gradient,
}
