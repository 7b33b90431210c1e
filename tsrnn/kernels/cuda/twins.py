"""Which function stands in on the device for which loop of the CPU: the same arguments, arrays of the device."""

TWINS = {}
