"""Bare twins: the least program of the same stack that does the same with the same bytes."""
