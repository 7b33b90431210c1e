"""Floor 3: losses, optimizers, schedules and the loop that trains."""
