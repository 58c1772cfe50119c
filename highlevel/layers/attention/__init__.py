"""Layers that weigh the entries of one sequence by how they match those of another."""
