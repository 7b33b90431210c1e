"""A picture of what a forecast is made of. matplotlib is imported when it is drawn."""

import pandas as pd

from tsrnn.evaluation.displays import FORECAST, OBSERVED, drawing_figure, plain, positions, tick_dates

# Okabe and Ito (2008), Color Universal Design; dashes tell the lines apart as well.
PARTS = {
    "linear": ("#D55E00", "--"),
    "exogenous": ("#56B4E9", "-."),
    "network": ("#009E73", "-"),
    "smoothing": ("#CC79A7", ":"),
}


class ComponentDisplay:
    """A forecast after the window that it was made from, above what each part of the model adds to it.

    Parameters
    ----------
    series : Series of shape (n_timepoints,)
        The window; its name and the name of its index label the axes.
    components : DataFrame of shape (horizon, n_parts)
        What `RNNForecaster.inspect_components` returns for one series: columns "level" and any of "linear",
        "exogenous", "network" and "smoothing", which add up to the forecast.

    Attributes
    ----------
    series, components
        As given.
    figure_ : matplotlib.figure.Figure
        After `plot`.
    axes_ : ndarray of shape (2,), matplotlib.axes.Axes
        After `plot`: of the forecast, and of its parts.

    Examples
    --------
    >>> from tsrnn import RNNForecaster
    >>> from tsrnn.datasets import load_airpassengers
    >>> from tsrnn.evaluation.component_display import ComponentDisplay
    >>> model = RNNForecaster(horizon=12, max_steps=50, random_state=0).fit(load_airpassengers())
    >>> display = ComponentDisplay.from_estimator(model).plot()
    >>> [text.get_text() for text in display.axes_[1].get_legend().get_texts()]
    ['linear', 'network', 'smoothing']
    """

    def __init__(self, series, components):
        self.series = series
        self.components = components

    @classmethod
    def from_estimator(cls, model, y=None):
        """Take a fitted model's forecast apart.

        Parameters
        ----------
        model : RNNForecaster
            Without exogenous columns that are known ahead; with those, give `series` and `components` by hand.
        y : Series, optional
            What follows it is forecast; default: the series fitted. A model of several series wants one of them.

        Returns
        -------
        ComponentDisplay
            To be drawn by `plot`.

        Raises
        ------
        ValueError
            As `inspected_window` and `inspect_components`; for a model that forecasts several columns together.
        """
        window = model.inspected_window(y)
        if not isinstance(window, pd.Series):
            raise ValueError("a model with multivariate=True forecasts several series, of which one can be displayed")
        return cls(window, model.inspect_components(y=y))

    def plot(self, *, figure=None):
        """Draw.

        Parameters
        ----------
        figure : matplotlib.figure.Figure or SubFigure, optional
            Where to draw; default: a new figure, which needs no display and is not kept by pyplot.

        Returns
        -------
        self

        Raises
        ------
        ModuleNotFoundError
            Without matplotlib.
        """
        self.figure_ = figure = drawing_figure(figure)
        self.axes_ = above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        before, after = positions(self.series.index), positions(self.components.index)
        above.plot(before, self.series, color=OBSERVED, linewidth=1.3, label="observed")
        level = self.components["level"]
        above.plot(after, level, color="#999999", linewidth=1.0, label="level")
        above.plot(after, self.components.sum(axis=1), color=FORECAST, linewidth=1.6, label="forecast")
        above.set_ylabel(str(self.series.name if self.series.name is not None else "value"))
        for name in self.components.columns.drop("level"):
            color, dashes = PARTS[name]
            below.plot(after, self.components[name], color=color, linestyle=dashes, linewidth=1.6, label=name)
        below.axhline(0, color="#999999", linewidth=0.8, zorder=0)
        below.set_ylabel("added to the level")
        below.set_xlabel(str(self.series.index.name or "time"))
        tick_dates(below, self.series.index)
        for ax in self.axes_:
            ax.axvline(before[-1], color="#999999", linewidth=0.8, linestyle=":", zorder=0)
            plain(ax)
            ax.margins(x=0.01)
            ax.legend(loc="upper left", ncols=3, frameon=False)
        figure.align_ylabels(self.axes_)
        return self
