"""Loops over time for layers of many units: a launch for each step."""
