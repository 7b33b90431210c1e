"""Errors of forecasts that scikit-learn does not have."""

import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import mean_absolute_error

from tsrnn.forecasting.checks import check_integer


def mean_absolute_scaled_error(y_true, y_pred, *, y_train, season_length=1):
    """Mean absolute error as a multiple of the seasonal naive's on the training part (MASE).

    With training values ``y_1, ..., y_n`` and a season of ``m`` steps,

        MASE = mean |y_true - y_pred|  /  mean_{t = m+1..n} |y_t - y_{t-m}|

    The denominator is what it costs, on average, to forecast each training value by the one a season before. It
    has the unit of the series, so that the ratio has none and can be averaged over series. Below 1 the forecast
    is better than the seasonal naive was in training; to compare with the seasonal naive on the same values,
    divide by its own MASE.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,)
        What came, in the unit of the series.
    y_pred : array-like of shape (n_steps,)
        What was forecast, in the same unit. Values are compared by position.
    y_train : array-like of shape (n_timepoints,)
        The values before them, oldest first, as the forecaster was given them.
    season_length : int, default=1
        Steps in a season; 1 scales by the step from one value to the next.

    Returns
    -------
    float
        At least 0. NaN, with an `UndefinedMetricWarning`, where the training part repeats itself exactly with
        this season: any error is then infinitely many times the seasonal naive's, and one such series would
        swallow an average over many; `numpy.nanmean` leaves it out.

    Raises
    ------
    ValueError
        If the lengths of `y_true` and `y_pred` differ, a value is missing or infinite, or `y_train` has no more
        than `season_length` values.

    See Also
    --------
    tsrnn.evaluation.baselines.seasonal_naive : The forecast that scales the error.

    References
    ----------
    Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. *International
    Journal of Forecasting*, 22(4), 679-688, the mean of |q_t| with the scaled error q_t of section 3; with a
    season, Hyndman, R. J. and Athanasopoulos, G. (2021). *Forecasting: Principles and Practice*, 3rd edition,
    section 5.8.

    Examples
    --------
    >>> from tsrnn.evaluation.metrics import mean_absolute_scaled_error
    >>> mean_absolute_scaled_error([5.0, 7.0], [5.5, 7.5], y_train=[1.0, 2.0, 3.0, 4.0])
    0.5
    >>> mean_absolute_scaled_error([5.0, 7.0], [5.5, 7.5], y_train=[1.0, 2.0, 3.0, 4.0], season_length=2)
    0.25
    """
    check_integer("season_length", season_length, 1)
    y_true, y_pred = _pair(y_true, y_pred)
    y_train = _finite("y_train", y_train)
    if len(y_train) <= season_length:
        raise ValueError(
            f"y_train has {len(y_train)} values; season_length={season_length} needs at least {season_length + 1}"
        )
    error = mean_absolute_error(y_true, y_pred)
    scale = mean_absolute_error(y_train[season_length:], y_train[:-season_length])
    if scale == 0:
        warnings.warn(
            f"the mean absolute scaled error is not defined: y_train repeats itself exactly every {season_length} "
            "steps, and there is nothing to scale by",
            UndefinedMetricWarning,
            stacklevel=2,
        )
        return float("nan")
    return float(error / scale)


def symmetric_mean_absolute_percentage_error(y_true, y_pred):
    """Mean absolute error as a share of the level, which truth and forecast have equal say in (sMAPE).

        sMAPE = mean  2 |y_true - y_pred| / (|y_true| + |y_pred|)

    It has no unit. The competitions M3 and M4 print it times 100. A forecast that is too low costs more than one that
    is as much too high, and near zero anything costs much: prefer `mean_absolute_scaled_error` where nothing has to be
    compared with published figures.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,)
        What came, in the unit of the series.
    y_pred : array-like of shape (n_steps,)
        What was forecast, in the same unit. Values are compared by position.

    Returns
    -------
    float
        Between 0 and 2. A step where both are zero counts as 0, for the forecast is right.

    Raises
    ------
    ValueError
        If the lengths differ, or a value is missing or infinite.

    References
    ----------
    Makridakis, S. and Hibon, M. (2000). The M3-Competition: results, conclusions and implications. *International
    Journal of Forecasting*, 16(4), 451-476, with the absolute values of the M4 competition in the denominator.

    Examples
    --------
    >>> from tsrnn.evaluation.metrics import symmetric_mean_absolute_percentage_error
    >>> symmetric_mean_absolute_percentage_error([1.0, 4.0], [3.0, 4.0])
    0.5
    """
    y_true, y_pred = _pair(y_true, y_pred)
    level = np.abs(y_true) + np.abs(y_pred)
    error = np.divide(2 * np.abs(y_true - y_pred), level, out=np.zeros_like(level), where=level > 0)
    return float(error.mean())


def overall_weighted_average(smape, mase, *, smape_naive2, mase_naive2):
    """What the M4 competition ranked by: sMAPE and MASE over many series, each as a multiple of Naive2's (OWA).

        OWA = (mean(smape) / mean(smape_naive2)  +  mean(mase) / mean(mase_naive2)) / 2

    The ratios are those of means over the series, not means of ratios. 1 is as good as Naive2.

    Parameters
    ----------
    smape, mase : array-like of shape (n_series,)
        Errors of the forecasts, a value for each series.
    smape_naive2, mase_naive2 : array-like of shape (n_series,)
        Errors of `tsrnn.evaluation.baselines.naive2` on the same series.

    Returns
    -------
    float
        At least 0.

    Raises
    ------
    ValueError
        If the lengths differ, a value is missing or infinite, or an error of Naive2 is zero for all series.

    References
    ----------
    Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2020). The M4 Competition: 100,000 time series and 61
    forecasting methods. *International Journal of Forecasting*, 36(1), 54-74, section 2.5.

    Examples
    --------
    >>> from tsrnn.evaluation.metrics import overall_weighted_average
    >>> overall_weighted_average([0.1, 0.1], [0.6, 1.2], smape_naive2=[0.1, 0.3], mase_naive2=[1.0, 1.0])
    0.7
    """
    errors = {"smape": smape, "mase": mase, "smape_naive2": smape_naive2, "mase_naive2": mase_naive2}
    errors = {name: _finite(name, values) for name, values in errors.items()}
    lengths = {len(values) for values in errors.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"all errors must be of the same series, got {', '.join(f'{len(v)} {k}' for k, v in errors.items())}"
        )
    means = {name: float(values.mean()) for name, values in errors.items()}
    for name in ("smape_naive2", "mase_naive2"):
        if means[name] == 0:
            raise ValueError(f"{name} is zero for all series: there is nothing to compare with")
    return (means["smape"] / means["smape_naive2"] + means["mase"] / means["mase_naive2"]) / 2


def _pair(y_true, y_pred) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays of finite numbers of one length."""
    y_true, y_pred = _finite("y_true", y_true), _finite("y_pred", y_pred)
    if len(y_true) != len(y_pred):
        raise ValueError(f"y_true has {len(y_true)} values and y_pred {len(y_pred)}; each needs its forecast")
    return y_true, y_pred


def _finite(name: str, values) -> np.ndarray:
    try:
        values = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{name} must hold numbers: {error}") from None
    if values.ndim != 1 or not values.size:
        raise ValueError(f"{name} must be one-dimensional and not empty, got an array of shape {values.shape}")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise ValueError(f"{name} holds {bad} missing or infinite values")
    return values
