"""Pooling over one to three spatial axes."""
