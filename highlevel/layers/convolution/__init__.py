"""Convolutions over one to three spatial axes."""
