"""Layers over time: cells, `RNN` and the layers around one cell, wrappers."""
