"""Floor 2: cells, layers and stacks of layers, over a flat parameter vector."""
