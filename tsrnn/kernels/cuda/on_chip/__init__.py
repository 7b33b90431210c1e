"""Loops over time that keep a layer's recurrent weights on the chip, from the first step to the last."""
