"""Isotherm: a real-time, self-hosted heat map of how people use a website."""

__version__ = "0.1.0"
