"""Layers that change images: one at a time, with labels, masks and boxes that go with them."""
