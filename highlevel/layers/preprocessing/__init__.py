"""Layers that prepare data: scaling, encoding, resizing."""
