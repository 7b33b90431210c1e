"""Pictures of forecasts. matplotlib is imported when one is drawn."""

import numpy as np
import pandas as pd

from tsrnn.forecasting.series.timeindex import frequency, season_length

# Okabe and Ito (2008), Color Universal Design: told apart with any kind of colour vision, and in grey.
OBSERVED, TESTED, FORECAST = "#333333", "#D55E00", "#0072B2"
FEW = 40  # so few values are drawn with a dot each


def check_matplotlib() -> None:
    """Refuse, in one line, to go on without matplotlib.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed; the message says how to install it.
    """
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        raise ModuleNotFoundError(
            'a plot needs matplotlib, which is not installed: pip install "tsrnn[plot]"', name="matplotlib"
        ) from error


class ForecastDisplay:
    """A series, its forecast, and how an earlier forecast did.

    Parameters
    ----------
    history : Series of shape (n_timepoints,)
        The series; its name and the name of its index label the axes.
    forecast : Series of shape (horizon,)
        What follows it.
    test_forecast : Series of shape (n_test,), optional
        A forecast of the last values of `history`, made from those before them.

    Attributes
    ----------
    history, forecast, test_forecast : Series or None
        As given.
    figure_ : matplotlib.figure.Figure
        After `plot`.
    ax_ : matplotlib.axes.Axes
        After `plot`.

    Examples
    --------
    >>> from tsrnn.datasets import load_airpassengers
    >>> from tsrnn.evaluation.baselines import seasonal_naive
    >>> from tsrnn.evaluation.displays import ForecastDisplay
    >>> y = load_airpassengers()
    >>> display = ForecastDisplay(y, seasonal_naive(y, 12, season_length=12)).plot()
    >>> display.ax_.get_ylabel()
    'passengers'
    """

    def __init__(self, history, forecast, *, test_forecast=None):
        self.history = history
        self.forecast = forecast
        self.test_forecast = test_forecast

    def plot(self, *, ax=None, n_history=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; default: a new figure, which needs no display and is not kept by pyplot.
        n_history : int, optional
            Values of the history to show; default: enough to see the last seasons beside the forecasts.

        Returns
        -------
        self

        Raises
        ------
        ModuleNotFoundError
            Without matplotlib.
        """
        self.ax_ = ax = drawing_axes(ax)
        self.figure_ = ax.figure
        tested = 0 if self.test_forecast is None else len(self.test_forecast)
        if n_history is None:
            season = season_length(frequency(self.history.index))
            n_history = max(5 * season, 4 * len(self.forecast), 48) + tested
        shown = self.history.iloc[-n_history:]
        dot = {"marker": "o", "markersize": 3.5} if len(self.forecast) <= FEW else {}
        few = {"marker": ".", "markersize": 4} if len(shown) <= 3 * FEW else {}
        ax.plot(positions(shown.index), shown, color=OBSERVED, linewidth=1.3, label="observed", zorder=3, **few)
        if tested:
            self._line(self.history.iloc[:-tested], self.test_forecast, "forecast of the values held out", TESTED, dot)
            ax.axvspan(*positions(self.test_forecast.index[[0, -1]]), color=TESTED, alpha=0.07, linewidth=0, zorder=0)
        self._line(self.history, self.forecast, "forecast", FORECAST, dot)
        ax.axvline(positions(self.history.index[-1:])[0], color="#999999", linewidth=0.8, linestyle=":", zorder=0)
        ax.set_xlabel(str(self.history.index.name or "time"))
        ax.set_ylabel(str(self.history.name if self.history.name is not None else "value"))
        plain(ax)
        ax.margins(x=0.01)
        tick_dates(ax, shown.index)
        # Above the axes, where no line can run behind it.
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, borderaxespad=0.2)
        return self

    def _line(self, before: pd.Series, forecast: pd.Series, label: str, color: str, style: dict) -> None:
        """A forecast; a thin stroke leads to it from the last value it was made from."""
        x = np.append(positions(before.index[-1:]), positions(forecast.index))
        y = np.append(before.iloc[-1:], forecast)
        self.ax_.plot(x[:2], y[:2], color=color, linewidth=0.9, alpha=0.6)
        self.ax_.plot(x[1:], y[1:], color=color, linewidth=1.6, label=label, **style)


def drawing_axes(ax):
    """`ax`, or the axes of a new figure, which needs no display and is not kept by pyplot."""
    check_matplotlib()
    if ax is None:
        from matplotlib.figure import Figure

        ax = Figure(figsize=(9, 4.5), dpi=150, layout="constrained").add_subplot()
    return ax


def drawing_figure(figure):
    """`figure`, or a new one with room for two axes, which needs no display and is not kept by pyplot."""
    check_matplotlib()
    if figure is None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9, 5.5), dpi=150, layout="constrained")
    return figure


def plain(ax) -> None:
    """Lines across for the eye to follow, behind what is drawn, and no frame."""
    ax.grid(axis="y", color="#E5E5E5", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def positions(index: pd.Index) -> np.ndarray:
    """Where to draw: stamps as a clock on the wall shows them, a period at its start, or integers."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        index = index.tz_localize(None)
    return index.to_numpy()


def tick_dates(ax, index: pd.Index) -> None:
    """Labels that say years, months, days or hours, and in the corner what they have in common."""
    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(interval_multiples=False)
        labels = ConciseDateFormatter(
            locator,
            formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
            zero_formats=["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"],
            offset_formats=["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"],
        )
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(labels)
