"""Sigmoid, tanh and relu, and their derivatives from their outputs.

Forward keeps activated values only, so that `backward` need not evaluate them again; the one exception is tanh(c_t)
of the LSTM, which costs less to compute again than to keep.
"""

import numpy as np
from numba import types
from numba.extending import overload

from tsrnn.kernels._jit import OVERLOAD, formula


def tanh(x):
    """Hyperbolic tangent; float32 by a rational function, float64 by the exponential."""
    return np.tanh(x)


def tanh_rational(x):
    """Rational approximation of tanh in float32: odd polynomial of degree 13 over even of degree 6.

    The coefficients are those of Eigen's `ptanh_float`; the absolute error stays below 3e-7, or 3.5e-7 where a product
    is rounded before it is added to. Multiply-adds and one division vectorise, a call of the mathematical library does
    not. The comparisons let a NaN through.
    """
    limit = np.float32(7.9)
    x = -limit if x < -limit else (limit if x > limit else x)
    x2 = x * x
    p = x2 * np.float32(-2.76076847742355e-16) + np.float32(2.00018790482477e-13)
    p = x2 * p + np.float32(-8.60467152213735e-11)
    p = x2 * p + np.float32(5.12229709037114e-08)
    p = x2 * p + np.float32(1.48572235717979e-05)
    p = x2 * p + np.float32(6.37261928875436e-04)
    p = x2 * p + np.float32(4.89352455891786e-03)
    q = x2 * np.float32(1.19825839466702e-06) + np.float32(1.18534705686654e-04)
    q = x2 * q + np.float32(2.26843463243900e-03)
    q = x2 * q + np.float32(4.89352518554385e-03)
    return x * p / q


def tanh_exponential(x):
    """tanh in float64: (1 - e^y) / (1 + e^y), y = -2 |x|, to two or three units in the last place.

    y = n ln 2 + r with |r| <= ln 2 / 2; e^r - 1 by its Taylor polynomial, whose next term is below 1e-17; 2^n by
    writing n into the exponent. All of it vectorises. The rounding of n ln 2 matters where 2^n is next to nothing.
    """
    y = -2 * abs(x)
    y = -50.0 if y < -50.0 else y  # a NaN passes
    n = np.rint(y * 1.4426950408889634)
    r = y - n * 0.6931471805599453
    p = r * (1 / 6227020800) + 1 / 479001600
    p = r * p + 1 / 39916800
    p = r * p + 1 / 3628800
    p = r * p + 1 / 362880
    p = r * p + 1 / 40320
    p = r * p + 1 / 5040
    p = r * p + 1 / 720
    p = r * p + 1 / 120
    p = r * p + 1 / 24
    p = r * p + 1 / 6
    p = r * p + 1 / 2
    p = r + r * r * p
    # 1.5 * 2^52 leaves n in the lowest bits of the mantissa, two's complement, from where it moves to the exponent.
    bits = np.float64(n + 6755399441055744.0).view(np.int64) + np.int64(1023)
    power = np.int64(bits << np.int64(52)).view(np.float64)
    e = power * p + (power - 1)
    t = -e / (2 + e)
    return -t if x < 0 else t


# For the CPU alone: on CUDA these options would mean every approximation at once (cuda/driver.py has its own tanh).
@overload(tanh, jit_options=OVERLOAD, target="cpu")
def _tanh_by_type(x):
    return tanh_rational if x is types.float32 else tanh_exponential


@formula
def sigmoid(x):
    """1 / (1 + exp(-x)), by way of tanh: no overflow at either end."""
    half = type(x)(0.5)
    return half * tanh(half * x) + half


@formula
def relu(x):
    """max(x, 0); a NaN stays one."""
    zero = type(x)(0)
    return zero if x < zero else x


@formula
def relu_gradient(y):
    """Derivative of relu, given its output; zero at zero."""
    return type(y)(1) if y > type(y)(0) else type(y)(0)


@formula
def sigmoid_gradient(y):
    """Derivative of the sigmoid, given its output."""
    return y * (type(y)(1) - y)


@formula
def tanh_gradient(y):
    """Derivative of tanh, given its output."""
    return type(y)(1) - y * y
