"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

from tsrnn.kernels import (
    dropout,
    gru,
    gru_reset_before,
    layer_norm,
    linear,
    losses,
    lstm,
    lstm_peephole,
    optimization,
    parallel,
    rnn,
    segments,
    streams,
    windows,
)
from tsrnn.kernels.cuda import dropout as cuda_dropout
from tsrnn.kernels.cuda import gru as cuda_gru
from tsrnn.kernels.cuda import gru_reset_before as cuda_gru_reset_before
from tsrnn.kernels.cuda import layer_norm as cuda_layer_norm
from tsrnn.kernels.cuda import linear as cuda_linear
from tsrnn.kernels.cuda import losses as cuda_losses
from tsrnn.kernels.cuda import lstm as cuda_lstm
from tsrnn.kernels.cuda import lstm_peephole as cuda_lstm_peephole
from tsrnn.kernels.cuda import optimization as cuda_optimization
from tsrnn.kernels.cuda import parallel as cuda_parallel
from tsrnn.kernels.cuda import rnn as cuda_rnn
from tsrnn.kernels.cuda import segments as cuda_segments
from tsrnn.kernels.cuda import streams as cuda_streams
from tsrnn.kernels.cuda import windows as cuda_windows

TWINS = {
    dropout.dropout: cuda_dropout.dropout,
    gru.backward: cuda_gru.backward,
    gru.forward: cuda_gru.forward,
    gru_reset_before.backward: cuda_gru_reset_before.backward,
    gru_reset_before.forward: cuda_gru_reset_before.forward,
    layer_norm.layer_norm: cuda_layer_norm.layer_norm,
    layer_norm.layer_norm_gradient: cuda_layer_norm.layer_norm_gradient,
    linear.accumulate: cuda_linear.accumulate,
    linear.affine: cuda_linear.affine,
    linear.affine_gradient: cuda_linear.affine_gradient,
    linear.affine_input_gradient: cuda_linear.affine_input_gradient,
    linear.column_sums: cuda_linear.column_sums,
    linear.steps_to_columns: cuda_linear.steps_to_columns,
    losses.absolute_error: cuda_losses.absolute_error,
    losses.fill_missing: cuda_losses.fill_missing,
    losses.huber_error: cuda_losses.huber_error,
    losses.squared_error: cuda_losses.squared_error,
    lstm.backward: cuda_lstm.backward,
    lstm.forward: cuda_lstm.forward,
    lstm_peephole.backward: cuda_lstm_peephole.backward,
    lstm_peephole.forward: cuda_lstm_peephole.forward,
    optimization.checked_norm: cuda_optimization.checked_norm,
    optimization.clipped_adam: cuda_optimization.clipped_adam,
    optimization.norm: cuda_optimization.norm,
    optimization.sum_in_order: cuda_optimization.sum_in_order,
    parallel.gru_backward: cuda_parallel.gru_backward,
    parallel.gru_forward: cuda_parallel.gru_forward,
    parallel.gru_reset_before_backward: cuda_parallel.gru_reset_before_backward,
    parallel.gru_reset_before_forward: cuda_parallel.gru_reset_before_forward,
    parallel.lstm_backward: cuda_parallel.lstm_backward,
    parallel.lstm_forward: cuda_parallel.lstm_forward,
    parallel.lstm_peephole_backward: cuda_parallel.lstm_peephole_backward,
    parallel.lstm_peephole_forward: cuda_parallel.lstm_peephole_forward,
    parallel.rnn_backward: cuda_parallel.rnn_backward,
    parallel.rnn_forward: cuda_parallel.rnn_forward,
    rnn.backward: cuda_rnn.backward,
    rnn.forward: cuda_rnn.forward,
    segments.fold_steps: cuda_segments.fold_steps,
    segments.rectify: cuda_segments.rectify,
    segments.rectify_gradient: cuda_segments.rectify_gradient,
    streams.gather_streams: cuda_streams.gather_streams,
    windows.gather_rows: cuda_windows.gather_rows,
    windows.gather_windows: cuda_windows.gather_windows,
    windows.measure_windows: cuda_windows.measure_windows,
}
