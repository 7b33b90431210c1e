"""Python in a process of its own."""

import subprocess
import sys

# Seconds after which a process hangs: far more than one takes that has everything to compile beside others.
PATIENCE = 600


def python(*arguments, **options):
    """What a process that must end well has printed: `stdout` and `stderr`. Options are those of `subprocess.run`."""
    command = [sys.executable, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result
