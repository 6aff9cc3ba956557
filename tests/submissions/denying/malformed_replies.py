# It writes to the wire itself: nonsense, a message of petabytes, a value that is none, JSON without end.
# Ends as: process died, or output limit.
# %% scale
import gc
import json
import os
import struct

def student():
    return next(o for o in gc.get_objects() if type(o).__name__ == "Student")

def scale(values, factor):
    student().connection.sendall(os.urandom(1000))
# %% tally
def tally(words):
    student().connection.sendall(struct.pack("!IIQQ", 2, 1, 1 << 50, 1 << 50) + b"{}")
# %% slope
def slope(f, x, h=1e-5):
    tree = {"n": student().number, "value": {"t": "object", "number": "x", "type": []}, "changed": [[0]]}
    text = json.dumps(tree).encode()
    student().connection.sendall(struct.pack("!IIQ", len(text), 0, len(text)) + text)
# %% center
def center(values):
    student().connection.sendall(struct.pack("!IIQ", 1_000_000, 0, 1_000_000) + b"[" * 1_000_000)
