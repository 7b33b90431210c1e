"""The registry of losses, under scikit-learn's names."""

from tsrnn.kernels import losses

# name -> kernel(output, target, weight, gradient) -> sum; see kernels/losses.py
LOSSES = {
    "squared_error": losses.squared_error,
    "absolute_error": losses.absolute_error,
    "huber": losses.huber_error,
}
