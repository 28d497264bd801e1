"""What heat is, and the stages that make it: pure functions and small state machines.

Nothing in here waits, looks at a clock, or knows a file, a socket or a framework; time is passed in. The way of the data:

    samples (what the gateway took) -> group_by (repeats out, samples to counts a pane)
    -> aggregate (panes to hopping windows) -> heat (what a viewer is shown)
"""
