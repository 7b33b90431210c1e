"""AdamW, and without decay Adam, over several updates, against the reference and against torch."""

import numpy as np
import pytest

import naive
from gradcheck import assert_close
from tsrnn.training.optimizers import AdamW

SIZE, UPDATES = 11, 20
TOLERANCE = {np.float64: 1e-11, np.float32: 1e-5}
every_type = pytest.mark.parametrize("dtype", TOLERANCE)
alphas = pytest.mark.parametrize("alpha", [0.0, 0.05])


def start_gradients_rates():
    rng = np.random.default_rng(0)
    rates = 0.01 / np.arange(1, UPDATES + 1)
    return rng.standard_normal(SIZE), rng.standard_normal((UPDATES, SIZE)), rates


def run(alpha, dtype=np.float64, clip_norm=None):
    """Parameters after each update."""
    start, gradients, rates = start_gradients_rates()
    parameters, optimizer = start.astype(dtype), AdamW(SIZE, dtype, alpha, clip_norm)
    history = []
    for gradient, rate in zip(gradients.astype(dtype), rates, strict=True):
        optimizer.update(parameters, gradient, float(np.linalg.norm(gradient)), optimizer.scalars(rate))
        history.append(parameters.copy())
    return np.array(history)


@every_type
@alphas
def test_against_the_reference(dtype, alpha):
    w, gradients, rates = start_gradients_rates()
    first = second = np.zeros(SIZE)
    history = run(alpha, dtype)
    assert history.dtype == dtype
    for t, (gradient, rate) in enumerate(zip(gradients, rates, strict=True)):
        w, first, second = naive.adam_step(w, gradient, first, second, t + 1, rate, alpha)
        assert_close(history[t], w, TOLERANCE[dtype])


@alphas
def test_against_torch(alpha):
    torch = pytest.importorskip("torch")
    start, gradients, rates = start_gradients_rates()
    w = torch.nn.Parameter(torch.from_numpy(start))
    optimizer = torch.optim.AdamW([w], weight_decay=alpha) if alpha else torch.optim.Adam([w])
    for gradient, rate, actual in zip(gradients, rates, run(alpha), strict=True):
        w.grad = torch.from_numpy(gradient)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        assert_close(actual, w.detach().numpy(), 1e-12)


def test_a_long_gradient_is_cut_to_the_norm():
    """The direction stays; Adam itself hardly sees the length, so the moments are looked at."""
    gradient = np.array([3.0, 4.0])
    clipped, plain = (AdamW(2, np.float64, 0.0, clip) for clip in (1.0, None))
    for optimizer in (clipped, plain):
        optimizer.update(np.zeros(2), gradient, 5.0, optimizer.scalars(0.1))
    np.testing.assert_allclose(clipped.first, plain.first / 5)
    np.testing.assert_allclose(clipped.second, plain.second / 25)


def test_a_short_gradient_is_left_as_it_is():
    np.testing.assert_array_equal(run(0.1, clip_norm=1e6), run(0.1))


def test_the_decay_is_not_clipped():
    """Clipping is of the gradient of the loss; the decay does not go through the moments."""
    plain, decayed = (AdamW(2, np.float64, alpha, clip_norm=1.0) for alpha in (0.0, 0.5))
    for optimizer in (plain, decayed):
        optimizer.update(np.array([10.0, 0.0]), np.array([3.0, 4.0]), 5.0, optimizer.scalars(0.1))
    np.testing.assert_array_equal(plain.first, decayed.first)


def test_a_part_may_have_a_decay_of_its_own():
    start, gradients, _ = start_gradients_rates()
    apart, plain, decayed = (
        AdamW(SIZE, np.float64, alpha, None, own)
        for alpha, own in ((0.0, (slice(3, 7), 0.5)), (0.0, None), (0.5, None))
    )
    found = []
    for optimizer in (apart, plain, decayed):
        found.append(start.copy())
        optimizer.update(found[-1], gradients[0], 1.0, optimizer.scalars(0.1))
    inside = (np.arange(SIZE) >= 3) & (np.arange(SIZE) < 7)
    np.testing.assert_array_equal(found[0], np.where(inside, found[2], found[1]))
