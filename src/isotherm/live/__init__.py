"""The way out: who watches what, and the newest frame for each of them.

groups (one a view; encode once, push to all) <- frames (binary), core.heat (classic JSON)
endpoints: sockets and requests of viewers
"""
