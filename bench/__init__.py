"""Benchmarks: what Isotherm costs, each figure beside its bare twin. `python -m bench` runs them; docs/benchmarks.md explains them.

rows/    one file a row of the table: starts what it needs, measures, returns figures
twins/   the bare twins: the least program of the same stack that does the same with the same bytes
loads/   load generators, each a process of its own that says how busy it was
"""
