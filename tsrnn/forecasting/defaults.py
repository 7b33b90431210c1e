"""Rules behind "auto": from frequency, length, sign and horizon of the series to what a fit takes."""

from dataclasses import dataclass, replace

import numpy as np

from tsrnn.forecasting.samples.normalization import mean_and_deviation
from tsrnn.forecasting.series.panel import Panel
from tsrnn.forecasting.shares import FEW_WINDOWS, MANY_WINDOWS, auto_smoothing
from tsrnn.training.linear import can_fit

# Steps of a window by season, found on held-back parts: three weeks of hours, eight weeks of days, two years of weeks,
# five of months and of quarters.
LOOKBACKS = {24: 504, 7: 56, 52: 104, 12: 60, 4: 20}
LONGEST = 1008  # steps of a window over shorter steps than hours, unless a season is longer
RECURRENT_STEPS = 12  # of a window, about: fewer learn less, more learn slower and no better
ENOUGH_WINDOWS = 30_000  # whole windows that need none beside them that are filled up

# From so many steps on, a horizon is decoded in segments, and from windows that are long and differ in little else.
LONG_HORIZON = 96
LONG_LOOKBACK, LONG_RECURRENT_STEPS = 720, 15
LONG_STEPS, LONG_STEPS_OF_MANY, MANY_SERIES = 800, 3200, 30  # updates, and series from which more are made
LONG_RATE = 2 / 3  # share of the learning rate
# Parts of a window, its end, whose linear maps have their mean taken, and steps of a window from which that is better:
# half of a shorter one is too little, of hours no more than a week.
LONG_SPANS, LONG_SPANS_FROM = (1.0, 0.5), 480
LONG_APART, LONG_TOGETHER = 0.5, 0.75  # share of the network's forecast, and of what training changes
# Windows, with what is forecast from them, that fit side by side into a series whose mean says where it comes back to:
# that of a shorter one is just where it has been.
ENOUGH_LEVELS = 8

# By which each of five members of an ensemble reads less, in seasons; for long horizons, the part that it reads.
SEASONS_LESS = (0, 0, 0, 1, 2)
LONG_PARTS, LONG_PARTS_OF_SEVERAL = (1, 1, 1, 1 / 2, 1 / 2), (1, 1, 2 / 3, 1 / 2, 1 / 2)

ACTING_APART = 0.5  # share of a network in which what is known ahead acts with the state

STRAIGHT = 0.05  # deviation, as a share of the level, within which logarithms are a straight line

# Beside a linear map that starts fitted, the network of few windows soon knows them by heart.
PASSES, MOST_STEPS, FEW_STEPS = 10, 1000, 300

WIDE_LOOKBACK = 168  # so long ones feed a wider network, if they are many


@dataclass(frozen=True)
class Choices:
    """What a fit takes for the parameters that may be "auto", and what follows from them.

    Attributes
    ----------
    lookback : int
    least : int
        Values of its series that a window holds at least, if the series has them. A window that begins before its
        series holds the first value there.
    segment : int
    decoder, normalize : str
    linear_skip : bool
    hidden_size : int or tuple of int
    dropout : float
    alpha, alpha_linear : float
        Weight decay of the network, and of the linear map.
    max_steps : int or None
    learning_rate_init : float
    smoothing_share : float
        Of exponential smoothing of each series in the forecast.
    apart : bool
        Whether the network learns the whole by itself, and not what a fitted linear map leaves.
    training_share : float
        Of what training changes, or of the network's forecast where it learns apart; the rest stays with that linear
        map.
    linear_spans : tuple of float
        Parts of a window, its end, from which linear maps are fitted: the linear map is the mean of these.
    """

    lookback: int
    least: int
    segment: int
    decoder: str
    normalize: str
    linear_skip: bool
    hidden_size: int | tuple
    dropout: float
    alpha: float
    alpha_linear: float
    max_steps: int | None
    learning_rate_init: float
    smoothing_share: float = 0.0
    apart: bool = False
    training_share: float = 1.0
    linear_spans: tuple[float, ...] = (1.0,)

    @property
    def training(self) -> dict:
        """What of it the trainer wants to know."""
        names = ("alpha", "alpha_linear", "max_steps", "learning_rate_init")
        return {name: getattr(self, name) for name in names}


def choose(model, panel: Panel, season: int) -> Choices:
    """What the parameters of a forecaster say, and the rules where one is "auto".

    A fit that goes on keeps what the fit before has chosen.

    Parameters
    ----------
    model : RNNForecaster
    panel : Panel
    season : int
        Steps in a season.
    """
    kept = {name: getattr(model, f"{name}_") for name in CHOSEN} if model._goes_on() else {}

    def given(name: str, rule):
        value = getattr(model, name)
        return value if value != "auto" else kept[name] if name in kept else rule()

    outputs, lengths = int(model.horizon), panel.lengths
    if model.decoder == "recursive":  # one value of a window is read on
        outputs = 1
    long = is_long(model)
    decoder = given("decoder", lambda: "parallel" if long else "direct")
    lookback, fixed = 1, model.stateful
    if not fixed:
        fixed = model.lookback != "auto" or "lookback" in kept
        lookback = int(given("lookback", lambda: auto_lookback(lengths, outputs, season, long)))
    if not fixed:
        lookback = shortened(lookback, season, model._place, panel.n_series > 1, long)
    segment = int(given("segment", lambda: auto_segment(lookback, season, long, fixed)))
    if not fixed:
        lookback = max(segment, lookback // segment * segment)
    whole = int(np.maximum(lengths - outputs - lookback + 1, 0).sum())
    scarce = not fixed and whole < ENOUGH_WINDOWS and np.median(lengths) < 4 * lookback
    linear = bool(given("linear_skip", lambda: True))
    wide = long or (lookback >= WIDE_LOOKBACK and whole >= MANY_WINDOWS)
    started = linear and not model.stateful and can_fit(panel.values.shape[1])
    steps_of_its_own = model.max_steps == "auto"
    rule = auto_long_steps(panel.n_series) if long else auto_steps(whole, started, wide)
    max_steps = rule if steps_of_its_own else model.max_steps
    apart = long and started and not kept and model.linear_skip == "auto" and max_steps != 0
    in_spans = long and lookback >= LONG_SPANS_FROM and not panel.covariates.shape[1]
    if kept:
        smoothing = model.smoothing_share_ if model.linear_skip == "auto" else 0.0
    elif started and model.linear_skip == "auto" and not long:
        rule = auto_lookback(lengths, outputs, season)
        smoothing = auto_smoothing(panel, whole, season, rule, model.loss)
    else:
        smoothing = 0.0
    return Choices(
        lookback=lookback,
        least=max(2, season) if scarce else lookback,
        segment=segment,
        decoder=decoder,
        normalize=given("normalize", lambda: auto_normalization(model, panel, lookback)),
        linear_skip=linear,
        hidden_size=given("hidden_size", lambda: 128 if wide else 64),
        dropout=float(given("dropout", lambda: 0.5 if long else 0.0 if wide else 0.1)),  # nothing to be learnt by heart
        alpha=0.0 if model.alpha == "auto" else model.alpha,
        alpha_linear=min(1.0, 100 / lookback) if model.alpha == "auto" else model.alpha,
        max_steps=max_steps,
        learning_rate_init=model.learning_rate_init * (rate_share(max_steps, long) if steps_of_its_own else 1),
        smoothing_share=smoothing,
        apart=apart,
        training_share=LONG_APART if apart else auto_training(whole, long) if started and steps_of_its_own else 1.0,
        linear_spans=LONG_SPANS if in_spans else (1.0,),
    )


# Of which the fitted estimator tells what was chosen.
CHOSEN = ("lookback", "segment", "decoder", "normalize", "linear_skip", "hidden_size", "dropout")


def auto_training(windows: int, long: bool) -> float:
    """Share of what training changes, to begin with: of few windows much is learnt that does not come again."""
    if long:
        return LONG_TOGETHER
    return 0.25 if windows < FEW_WINDOWS else 0.5 if auto_steps(windows, True) < MOST_STEPS else 1.0


def auto_steps(windows: int, started: bool, wide: bool = False) -> int:
    """Updates: `MOST_STEPS`, twice as many of many windows, four times as many of a wide network of many long ones.

    Where the linear map is fitted before, at most about `PASSES` over all windows.
    """
    most = MOST_STEPS * (4 if wide else 2 if windows >= MANY_WINDOWS else 1)
    return int(np.clip(PASSES * windows / 256, 1, most)) if started else most


def auto_long_steps(n_series: int) -> int:
    """Updates for a long horizon: fewer of few series, for what passes in one of them is learnt by heart."""
    return LONG_STEPS if n_series < MANY_SERIES else LONG_STEPS_OF_MANY


def rate_share(steps: int, long: bool = False) -> float:
    """Share of the learning rate at which few updates are made, or those of long horizons.

    The first ones move all weights alike, whatever their gradients, and few follow to mend that.
    """
    return (LONG_RATE if long else 1.0) * min(1.0, steps / FEW_STEPS)


def other_steps(model, choices: Choices, much: bool) -> list[int]:
    """Numbers of updates that may be right where windows are few: some series are learnt by heart, others not at all.

    The one to stay with unless another is better comes first; none where there is nothing to choose. Where `much` can
    be held back of a series, and so few updates are soon made, one is returned even if there is no other: the share of
    what they change is then to be chosen.
    """
    own = choices.max_steps
    settled = choices.training_share == 1 and not (much and own <= MOST_STEPS)
    if model.max_steps != "auto" or settled or is_long(model):
        return []
    return [own, *(steps for steps in (FEW_STEPS // 3, FEW_STEPS) if steps > 2 * own)]


def acting_with_state(model, choices: Choices) -> tuple[Choices, Choices]:
    """The choices with what is known ahead acting with the state, which more updates have to learn.

    First a network that learns so by itself, whose mean with the linear maps is taken; then one that learns what these
    leave.
    """
    acting = enough_to_act(model, replace(choices, decoder="parallel"))
    mean = replace(acting, apart=True, training_share=ACTING_APART)
    return mean, replace(acting, smoothing_share=0.0, training_share=1.0)


def enough_to_act(model, choices: Choices) -> Choices:
    """The choices with as many updates as it takes to learn how columns act with the state."""
    if model.max_steps != "auto":
        return choices
    steps = max(choices.max_steps, MOST_STEPS)
    return replace(choices, max_steps=steps, learning_rate_init=model.learning_rate_init * rate_share(steps))


def auto_normalization(model, panel: Panel, lookback: int) -> str:
    """Logarithms where there are some and they are no straight line; else all windows of long horizons alike."""
    if model.stateful:
        return "last"
    if _bends(panel):
        return "log_last"
    return _alike(model, panel, lookback) if is_long(model) else "last"


def _alike(model, panel: Panel, lookback: int) -> str:
    """All windows in units of their series, with a part of where in it they lie where there are enough to tell that."""
    levels = np.median(panel.lengths) / (lookback + int(model.horizon))
    return "reverting" if levels >= ENOUGH_LEVELS else "difference"


def candidates(model, panel: Panel, choices: Choices) -> list[str]:
    """Normalizations that may be better than the one chosen, which comes first."""
    if model.normalize != "auto" or choices.normalize not in ("last", "log_last"):
        return [choices.normalize]
    if is_long(model):
        return ["log_last", _alike(model, panel, choices.lookback)]
    return ["log_last", "log_mean", "last", "mean"] if choices.normalize == "log_last" else ["last", "mean"]


def is_long(model) -> bool:
    """Whether the horizon of a forecaster is long, and decoded at once."""
    return model.horizon >= LONG_HORIZON and model.decoder != "recursive" and not model.stateful


def _bends(panel: Panel) -> bool:
    """Whether there are logarithms of all values, and these lie off a straight line."""
    if np.nanmin(panel.values) < 0:
        return False
    centre, scale = mean_and_deviation(panel.values, panel.begin, panel.end)
    return bool(np.median(scale / np.maximum(centre, scale)) > STRAIGHT)


def auto_lookback(lengths: np.ndarray, n_outputs: int, season_length: int, long: bool = False) -> int:
    """Length of a window: some seasons, and no more than leaves a good part of a series for other windows.

    Parameters
    ----------
    lengths : (S,) ndarray
        Of the series.
    n_outputs : int
        Steps forecast from a window.
    season_length : int
    long : bool
        Whether the horizon is a long one.

    Returns
    -------
    int
        A multiple of the season where the longest series has room for one; at least 1.
    """
    m, middle = season_length, float(np.median(lengths)) - n_outputs
    if long:
        wanted = LONG_LOOKBACK
    elif m == 1:
        wanted = max(2 * n_outputs, 10)
    else:
        wanted = LOOKBACKS.get(m) or (min(21 * m, LONGEST) if m > 24 else 5 * m)
    room = middle / (1.75 if m >= 24 else 2.5)
    lookback = max(int(min(wanted, room) // m), 1) * m
    lookback = max(lookback, min(2 * m, int(middle)))
    return max(1, min(lookback, int(lengths.max()) - n_outputs))


def shortened(lookback: int, season_length: int, place: int, several: bool, long: bool) -> int:
    """What a member of an ensemble reads, by its place among five: the last two a season or two less, but two.

    For a long horizon they read no more than half, and of several series, of which what is long ago tells less than of
    one, the member before them two thirds. Most windows are longer than some need, and shorter ones than others do:
    where others read all of it the median is near the better of both.
    """
    if not long:
        return max(min(lookback, 2 * season_length), lookback - SEASONS_LESS[place] * season_length)
    share = LONG_PARTS_OF_SEVERAL[place] if several else LONG_PARTS[place]
    return min(lookback, max(int(lookback * share) // season_length, 1) * season_length) if share < 1 else lookback


def auto_segment(lookback: int, season_length: int, long: bool, fixed: bool) -> int:
    """Values of a segment: the part of a season, or the few seasons, that makes about twelve steps of a window.

    Parameters
    ----------
    lookback : int
        If `fixed` it is a multiple of the segment.
    season_length : int
    long : bool
        Whether the horizon is a long one: segments may then be longer than a season.
    fixed : bool
    """
    parts = [d for d in range(1, season_length + 1) if season_length % d == 0]
    if long:
        parts += [k * season_length for k in range(2, lookback // season_length + 1)]
    parts = [d for d in parts if lookback // d >= 2 and not (fixed and lookback % d)]
    steps = LONG_RECURRENT_STEPS if long else RECURRENT_STEPS
    return min(parts or [1], key=lambda d: abs(np.log(d * steps / lookback)))
