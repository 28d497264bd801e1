"""Servers for the tests of this folder; each ends with its test."""

from tests.end_to_end.conftest import serve

__all__ = ["serve"]
