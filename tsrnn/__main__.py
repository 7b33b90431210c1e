"""``python -m tsrnn`` is ``tsrnn``."""

from tsrnn.cli import app

if __name__ == "__main__":
    app(prog_name="tsrnn")
