"""Layers that move, repeat, pad or cut entries."""
