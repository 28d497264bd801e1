"""The way in: a tracker's bytes become samples, or a named error. What was taken is told so once it is durable.

endpoints (sockets, beacons) -> gate (who may send, is it well formed) -> messages (bytes to typed structs)
-> intake (columns, until somebody drains them) ; conversation: what one socket is told: acks, errors, hints
"""
