"""Exponential smoothing of a window by many methods side by side, and the mean of what they forecast.

The methods are those of Holt and Winters with a damped trend, in error-correction form (Gardner and McKenzie 1985;
states and notation of Hyndman et al. 2008, Forecasting with Exponential Smoothing, table 2.1), and the Theta method
(Assimakopoulos and Nikolopoulos 2000) in the form of Hyndman and Billah (2003): smoothing with a share of the slope of
a straight line. In logarithms the additive methods are multiplicative.
"""

import math

import numpy as np

from tsrnn.kernels._jit import apart, formula, loop

# The least value, as a share of the mean, down to which a window is smoothed in logarithms: to those of values near
# zero a small change is a large one.
LEAST_SHARE = 0.05
LARGEST_LOG = math.log(1e150)  # the largest forecast whose square is a number yet
LEAST_SQUARE = 1e-300  # is added to sums of squared errors: of two methods without any error both are right
# The weight of a method is a power of its squared errors, inverted: half of their number makes it the likelihood of
# normal errors. Beyond ten, and where there is no season, ten forecasts better.
MOST_POWER, POWER_OF_ERROR = 10.0, 0.5
RISE_FROM = 3  # the part of a season whose changes to the next one tell how values rise, where the first one ends

# A window is rare that is zero in such a part, and after values that are not, a step or a season on, in such a share of
# that part: zeros of nights, of years before a beginning or after an end come together.
RARE, RARE_AFTER = 0.25, 0.5


@formula
def rise_of(changes, count, season):
    """Rise of a step, by the sum of so many changes from one season to the next."""
    return changes / (count * season)


@formula
def off_line(value, mean, rise, steps):
    """How far a value lies off a line, so many steps after the line is at the mean."""
    return value - (mean + rise * steps)


@formula
def smooth(level, trend, seasonal, damping):
    """Level and trend one step on, and the forecast that they make with the season."""
    trend = damping * trend
    level = level + trend
    return level, trend, level + seasonal


@formula
def correct(error, held, level, trend, seasonal, level_share, trend_share, season_share):
    """Level, trend and season after the error of their forecast is known; of the trend the part of it that is `held`.

    The level follows a step at once. A trend that did would go on from it, as a few outliers would lead it anywhere.
    """
    return level + level_share * error, trend + trend_share * held, seasonal + season_share * error


@formula
def mean_size(sizes, error_size, count):
    """The mean of absolute errors, by their sum before the last of so many and that one."""
    return (sizes + error_size) / count


@formula
def lag_behind(lag, level_share, step):
    """How many steps smoothing lags behind a straight line, one step on: a `step` of 1, in the type of the others."""
    return lag - level_share * lag + step


@formula
def drift(slope, slope_share, lag):
    """What a method with a share of the straight line's slope adds, so many steps behind the line."""
    return slope * slope_share * lag


@formula
def merit(squares, least, least_square, power):
    """Weight of a method by its sum of squared errors and the least such sum: a power of it, inverted."""
    return ((least + least_square) / (squares + least_square)) ** power


@loop
def take_in(value, known, count, slope, methods, states, seasonal):
    """Take in one value by all methods.

    A trend learns from an error no more than its size on average so far, as it would by the loss of Huber (1964).

    Parameters
    ----------
    value, known : float
        Known is 1, or 0 of a missing value: then the states go on by themselves.
    count : float
        Known values so far, from the second season on, this one among them; 1 at least.
    slope : float
        Of the straight line through the window.
    methods : (6, M) read: shares of an error that level, trend and season take; damping; share of the slope; share of
        the season
    states : (5, M) read and written: level, trend, lag, sums of squared and of absolute errors
    seasonal : (M,) read and written: the season of this step
    """
    apart()
    level, trend, lag, squares, sizes = states[0], states[1], states[2], states[3], states[4]
    level_share, trend_share, season_share = methods[0], methods[1], methods[2]
    damping, slope_share = methods[3], methods[4]
    for j in range(seasonal.size):
        level_now, trend_now, forecast = smooth(level[j], trend[j], seasonal[j], damping[j])
        error = known * (value - forecast)
        missed = error - known * drift(slope, slope_share[j], lag[j])
        squares[j] += missed * missed
        most, sizes[j] = mean_size(sizes[j], abs(error), count), sizes[j] + abs(error)
        held = max(-most, min(most, error))
        level[j], trend[j], seasonal[j] = correct(
            error, held, level_now, trend_now, seasonal[j], level_share[j], trend_share[j], season_share[j]
        )
        lag[j] = lag_behind(lag[j], level_share[j], 1.0)


@loop
def forecast_on(ahead, slope, methods, states, seasonal, weight):
    """The weighted sum of all methods' forecasts of the next step, `ahead` steps after the first; states go on."""
    apart()
    level, trend, lag = states[0], states[1], states[2]
    damping, slope_share = methods[3], methods[4]
    total = 0.0
    for j in range(weight.size):
        level[j], trend[j], forecast = smooth(level[j], trend[j], seasonal[j], damping[j])
        total += weight[j] * (forecast + drift(slope, slope_share[j], ahead + lag[j]))
    return total


@loop
def straight_line(window, centre):
    """Slope of the least-squares line through the values that are not missing; 0 of fewer than two."""
    count, moment, total, squares, mixed = 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(window.size):
        if window[t] == window[t]:
            time, value = t - 0.5 * (window.size - 1), window[t] - centre
            count += 1
            moment += time
            total += value
            squares += time * time
            mixed += time * value
    return (mixed - moment * total / count) / (squares - moment * moment / count) if count > 1 else 0.0


@formula
def beyond_rare(zeros, known, rare):
    """By how much so many zeros are more than those of rare events at least, a part of all that is known."""
    return zeros - rare * known


@formula
def beyond_after(zeros_after, after, zeros, known, share):
    """By how much zeros after so many other values are more than those of rare events at least, a share of all zeros.

    With one value more that is as often zero as all are: of few they say nothing yet.
    """
    return zeros_after * known + zeros - share * (zeros * after + zeros)


@loop
def is_rare(window, season):
    """Whether zeros are many among the values of a window, and come whatever was before."""
    known, zeros = 0, 0
    for t in range(window.size):
        known += window[t] == window[t]
        zeros += window[t] == 0
    if beyond_rare(zeros, known, RARE) < 0:  # most windows end here, after one look at them
        return False
    told = False
    for lag in (1, season):
        after, zeros_after = 0, 0
        for t in range(lag, window.size):
            before = window[t - lag]
            if window[t] == window[t] and before == before and before != 0:
                after += 1
                zeros_after += window[t] == 0
        if beyond_after(zeros_after, after, zeros, known, RARE_AFTER) < 0:
            return False
        told |= after > 0
    return told


@loop
def rare_series(values, begin, end, season, found):
    """Whether most columns of series are rare, (S,); rows `begin` to `end` are theirs."""
    for s in range(begin.size):
        rare = 0
        for k in range(values.shape[1]):
            rare += is_rare(values[begin[s] : end[s], k], season)
        found[s] = 2 * rare > values.shape[1]


@loop
def median_of(window, middle):
    """The median of the last so many known values of a window, some of which are put in order.

    By insertion, for NumPy's sort takes a second to compile.
    """
    known = 0
    for t in range(window.size):
        if window[t] == window[t]:
            window[known] = window[t]
            known += 1
    first = max(0, known - middle)
    for t in range(first + 1, known):
        value, place = window[t], t
        while place > first and window[place - 1] > value:
            window[place] = window[place - 1]
            place -= 1
        window[place] = value
    return 0.5 * (window[(first + known) // 2] + window[(first + known - 1) // 2])


@loop
def read_window(column, window):
    """Copy a column from its first known value on, in logarithms if all of it lies well above zero.

    Returns
    -------
    int, bool
        Values copied, and whether they are logarithms.
    """
    first, total, count, least = 0, 0.0, 0, np.inf
    while first < column.size and column[first] != column[first]:
        first += 1
    for t in range(first, column.size):
        value = np.float64(column[t])
        window[t - first] = value
        if value == value:
            total += value
            count += 1
            least = min(least, value)
    logs = least > 0 and least * count >= LEAST_SHARE * total
    if logs:
        for t in range(column.size - first):
            window[t] = math.log(window[t])
    return column.size - first, logs


@loop
def smooth_window(window, season, methods, plain, states, seasons, weight, found):
    """Forecast what follows one window, of which the first value is known; see `smooth_windows`.

    The states start from the first season: what its values are off a line through its mean, that line's end, and no
    trend. Off the mean alone all that they rise would be part of the season, and a step down at each season's end.
    """
    cycle = season if season < window.size else 1
    mean, count = 0.0, 0
    for t in range(cycle):
        if window[t] == window[t]:
            mean += window[t]
            count += 1
    mean /= count
    changes, count, half = 0.0, 1, 0.5 * (cycle - 1)  # one change of zero: of so few values much is chance
    for t in range(cycle, min(cycle + -(-cycle // RISE_FROM), window.size)):
        change = window[t] - window[t - cycle]
        if change == change:
            changes += change
            count += 1
    rise = rise_of(changes, count, cycle)
    for j in range(weight.size):
        states[:, j] = 0.0
        states[0, j], states[2, j] = mean + rise * half, 1.0
    for t in range(cycle):
        off = off_line(window[t], mean, rise, t - half) if window[t] == window[t] else 0.0
        for j in range(weight.size):
            seasons[t, j] = methods[5, j] * off
    slope, errors = straight_line(window, mean), 0
    for t in range(cycle, window.size):
        known = window[t] == window[t]
        errors += known
        take_in(
            window[t] if known else 0.0,
            1.0 if known else 0.0,
            max(errors, 1),
            slope,
            methods,
            states,
            seasons[t % cycle],
        )
    used = weight.size if cycle == season else plain
    power = MOST_POWER if cycle == 1 else min(MOST_POWER, POWER_OF_ERROR * errors)
    least, total = np.inf, 0.0
    for j in range(used):
        least = min(least, states[3, j])
    for j in range(weight.size):
        weight[j] = merit(states[3, j], least, LEAST_SQUARE, power) if j < used else 0.0
        total += weight[j]
    for p in range(found.size):
        ahead = forecast_on(p, slope, methods, states, seasons[(window.size + p) % cycle], weight)
        found[p] = ahead / total


@loop
def smooth_windows(values, begin, end, season, methods, plain, middle, found):
    """Forecast what follows windows.

    Parameters
    ----------
    values : (N, K) read; NaN where missing
    begin, end : (W,) int64, read: rows of each window
    season : int
        Steps in a season. Where a window ends with its first season, no error tells whether there is one: only
        methods without one are used.
    methods : (6, M) read: see `take_in`
    plain : int
        Methods without a season, which come first.
    middle : int
        Known values at the end of a rare window, whose median is its forecast; 0 to smooth such windows as well.
    found : (W, P, K) written: forecasts; NaN where no value of a window is known
    """
    states, seasons, weight = np.empty((5, methods.shape[1])), np.empty((season, methods.shape[1])), methods[0].copy()
    longest = 1
    for w in range(begin.size):
        longest = max(longest, end[w] - begin[w])
    window, forecast = np.empty(longest), np.empty(found.shape[1])
    for w in range(begin.size):
        for k in range(values.shape[1]):
            size, logs = read_window(values[begin[w] : end[w], k], window)
            if size == 0:
                forecast[:] = np.nan
            elif middle > 0 and not logs and is_rare(window[:size], season):
                forecast[:] = median_of(window[:size], middle)
            else:
                smooth_window(window[:size], season, methods, plain, states, seasons, weight, forecast)
            for p in range(forecast.size):
                found[w, p, k] = math.exp(min(forecast[p], LARGEST_LOG)) if logs else forecast[p]
