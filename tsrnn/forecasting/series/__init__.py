"""What the user gives and gets: series side by side, their time axis, the calendar and exogenous columns."""
