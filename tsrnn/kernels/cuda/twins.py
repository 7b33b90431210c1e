"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

from tsrnn.kernels import gru, gru_reset_before, linear, lstm, lstm_peephole, parallel, rnn
from tsrnn.kernels.cuda import gru as cuda_gru
from tsrnn.kernels.cuda import gru_reset_before as cuda_gru_reset_before
from tsrnn.kernels.cuda import linear as cuda_linear
from tsrnn.kernels.cuda import lstm as cuda_lstm
from tsrnn.kernels.cuda import lstm_peephole as cuda_lstm_peephole
from tsrnn.kernels.cuda import parallel as cuda_parallel
from tsrnn.kernels.cuda import rnn as cuda_rnn

TWINS = {
    linear.affine: cuda_linear.affine,
    linear.affine_gradient: cuda_linear.affine_gradient,
    linear.affine_input_gradient: cuda_linear.affine_input_gradient,
    linear.column_sums: cuda_linear.column_sums,
    linear.steps_to_columns: cuda_linear.steps_to_columns,
    linear.accumulate: cuda_linear.accumulate,
    rnn.forward: cuda_rnn.forward,
    rnn.backward: cuda_rnn.backward,
    lstm.forward: cuda_lstm.forward,
    lstm.backward: cuda_lstm.backward,
    lstm_peephole.forward: cuda_lstm_peephole.forward,
    lstm_peephole.backward: cuda_lstm_peephole.backward,
    gru.forward: cuda_gru.forward,
    gru.backward: cuda_gru.backward,
    gru_reset_before.forward: cuda_gru_reset_before.forward,
    gru_reset_before.backward: cuda_gru_reset_before.backward,
    parallel.rnn_forward: cuda_parallel.rnn_forward,
    parallel.rnn_backward: cuda_parallel.rnn_backward,
    parallel.lstm_forward: cuda_parallel.lstm_forward,
    parallel.lstm_backward: cuda_parallel.lstm_backward,
    parallel.lstm_peephole_forward: cuda_parallel.lstm_peephole_forward,
    parallel.lstm_peephole_backward: cuda_parallel.lstm_peephole_backward,
    parallel.gru_forward: cuda_parallel.gru_forward,
    parallel.gru_backward: cuda_parallel.gru_backward,
    parallel.gru_reset_before_forward: cuda_parallel.gru_reset_before_forward,
    parallel.gru_reset_before_backward: cuda_parallel.gru_reset_before_backward,
}
