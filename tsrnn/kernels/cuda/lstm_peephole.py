"""The loops over time of `tsrnn.kernels.lstm_peephole` for arrays on the device.

Its formulas come in the order in which that module's `step` and `step_gradient` call them, here for one unit.
"""

from tsrnn.kernels.cuda.linear import affine_gradient, in_slices
from tsrnn.kernels.cuda.machine.driver import cuda, device, each, kernel
from tsrnn.kernels.cuda.sequences import each_sequence, flat, project
from tsrnn.kernels.devices import contiguous
from tsrnn.kernels.lstm import read_memory, read_memory_gradient, write_memory, write_memory_gradient
from tsrnn.kernels.lstm_peephole import peep, peep_gradient


@device
def unit(i, f, g, o, p_i, p_f, p_o, o_sees_previous, c_prev):
    """Activated gates, c_t and h_t from the pre-activations and c_{t-1}."""
    i, f, g, c = write_memory(peep(i, p_i, c_prev), peep(f, p_f, c_prev), g, c_prev)
    o, h = read_memory(peep(o, p_o, c_prev if o_sees_previous else c), c)
    return i, f, g, o, c, h


@device
def unit_gradient(i, f, g, o, p_i, p_f, p_o, o_sees_previous, c_prev, c, dh, dc):
    """Gradients of the pre-activations and of c_{t-1} from those of h_t and c_t."""
    o, through_h = read_memory_gradient(o, c, dh)
    dc += through_h
    if not o_sees_previous:
        dc = peep_gradient(dc, p_o, o)
    i, f, g, dc = write_memory_gradient(i, f, g, c_prev, dc)
    dc = peep_gradient(peep_gradient(dc, p_i, i), p_f, f)
    if o_sees_previous:
        dc = peep_gradient(dc, p_o, o)
    return i, f, g, o, dc


@kernel
def _forward(a, h, c, weight, bias_hh, peephole, o_sees_previous, owned):
    """States and gates from the input projections.

    Parameters
    ----------
    a : (T, B, 4H) read: input projections; written: activated gates i, f, g, o
    h, c : (T+1, B, H) slot 0 read; the rest written
    weight : (H, 4H) read: W_hh^T
    bias_hh : (4H,) read
    peephole : (3, H) read
    o_sees_previous : bool
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], h.shape[2]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j_i = n // size, n % size
            j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
            i = a[t, b, j_i] + bias_hh[j_i]
            f = a[t, b, j_f] + bias_hh[j_f]
            g = a[t, b, j_g] + bias_hh[j_g]
            o = a[t, b, j_o] + bias_hh[j_o]
            for k in range(size):
                h_k = h[t, b, k]
                i += h_k * weight[k, j_i]
                f += h_k * weight[k, j_f]
                g += h_k * weight[k, j_g]
                o += h_k * weight[k, j_o]
            p_i, p_f, p_o = peephole[0, j_i], peephole[1, j_i], peephole[2, j_i]
            i, f, g, o, c_t, h_t = unit(i, f, g, o, p_i, p_f, p_o, o_sees_previous, c[t, b, j_i])
            a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
            c[t + 1, b, j_i], h[t + 1, b, j_i] = c_t, h_t
        cuda.syncthreads()


@kernel
def _backward(a, c, weight_hh, peephole, dy, dh, dc, o_sees_previous, owned):
    """Gradients of the pre-activations, of h_0 and of c_0.

    Parameters
    ----------
    a : (T, B, 4H) read: gates; written: gradient of the pre-activations
    c : (T+1, B, H) read
    weight_hh : (4H, H) read
    peephole : (3, H) read
    dy : (K, B, H) read
    dh, dc : (B, H) read: further gradients of h_T and of c_T; written: gradients of h_0 and of c_0
    o_sees_previous : bool
    owned : sequences of a block
    """
    steps, rows, size = a.shape[0], a.shape[1], dh.shape[1]
    first = steps - dy.shape[0]
    start = cuda.blockIdx.x * owned * size
    stop = min(start + owned * size, rows * size)
    for t in range(steps - 1, -1, -1):
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j_i = n // size, n % size
            j_f, j_g, j_o = j_i + size, j_i + 2 * size, j_i + 3 * size
            i, f, g, o = a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o]
            p_i, p_f, p_o = peephole[0, j_i], peephole[1, j_i], peephole[2, j_i]
            c_prev, c_t = c[t, b, j_i], c[t + 1, b, j_i]
            d = dh[b, j_i]
            if t >= first:
                d += dy[t - first, b, j_i]
            i, f, g, o, d_memory = unit_gradient(i, f, g, o, p_i, p_f, p_o, o_sees_previous, c_prev, c_t, d, dc[b, j_i])
            a[t, b, j_i], a[t, b, j_f], a[t, b, j_g], a[t, b, j_o] = i, f, g, o
            dc[b, j_i] = d_memory
        cuda.syncthreads()
        for n in range(start + cuda.threadIdx.x, stop, cuda.blockDim.x):
            b, j = n // size, n % size
            d = dh.dtype.type(0)
            for k in range(4 * size):
                d += a[t, b, k] * weight_hh[k, j]
            dh[b, j] = d


@kernel
def _peephole_gradients(d_a, c, o_sees_previous, one_start, length, out):
    """out[s] = sums of the gradient of each gate times the cell state that it sees, over the rows of slice s.

    Parameters
    ----------
    d_a : (T, B, 4H) read: gradient of the pre-activations
    c : (T+1, B, H) read
    o_sees_previous : bool
    one_start : bool: whether every step starts from slot 0, as in parallel decoding, in place of the step before
    length : rows (t, b) of a slice
    out : (S, 3, H) written
    """
    steps, rows, size = d_a.shape[0], d_a.shape[1], c.shape[2]
    n = cuda.grid(1)
    if n < out.shape[0] * size:
        s, j = n // size, n % size
        d_i = d_f = d_o = d_a.dtype.type(0)
        for r in range(s * length, min((s + 1) * length, steps * rows)):
            t, b = r // rows, r % rows
            c_prev = c[0 if one_start else t, b, j]
            d_i += d_a[t, b, j] * c_prev
            d_f += d_a[t, b, size + j] * c_prev
            d_o += d_a[t, b, 3 * size + j] * (c_prev if o_sees_previous else c[t + 1, b, j])
        out[s, 0, j], out[s, 1, j], out[s, 2, j] = d_i, d_f, d_o


def forward(x, weight_ih, bias_ih, a, h, c, weight_hh, bias_hh, weight_peephole, o_sees_previous):
    """Twin of `tsrnn.kernels.lstm_peephole.forward`; `a` has a place for each step."""
    project(x, weight_ih, bias_ih, a)
    weight = contiguous(weight_hh.T)
    each_sequence(_forward, *h.shape[1:], a, h, c, weight, bias_hh, weight_peephole, o_sees_previous)


def backward(
    a, h, c, weight_hh, weight_peephole, dy, dh, dc, d_weight_hh, d_bias_hh, d_weight_peephole, o_sees_previous
):
    """Twin of `tsrnn.kernels.lstm_peephole.backward`."""
    arrays = (a, c, weight_hh, weight_peephole, contiguous(dy), dh, dc)
    each_sequence(_backward, *dh.shape, *arrays, o_sees_previous)
    affine_gradient(flat(h[:-1]), flat(a), d_weight_hh, d_bias_hh)
    peephole_gradient(a, c, o_sees_previous, False, d_weight_peephole)


def peephole_gradient(d_a, c, o_sees_previous, one_start, d_weight_peephole):
    """Gradient (3, H) of the peepholes: see `_peephole_gradients`."""

    def fill(length, parts):
        each(_peephole_gradients, len(parts) * c.shape[2], d_a, c, o_sees_previous, one_start, length, parts)

    in_slices(fill, d_a.shape[0] * d_a.shape[1], 1, d_weight_peephole)
