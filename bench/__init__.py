"""Benchmarks: what Isotherm costs, each figure beside its bare twin. `python -m bench` runs them; docs/benchmarks.md explains them."""
