"""Layers made of models written for other libraries."""
