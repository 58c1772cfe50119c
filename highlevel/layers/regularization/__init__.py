"""Layers that act during training alone."""
