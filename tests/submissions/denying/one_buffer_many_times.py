# A reply in which one array of 32 MB is named a thousand times. Ends as: process died.
# %% scale
import gc
import json
import struct

def scale(values, factor):
    student = next(o for o in gc.get_objects() if type(o).__name__ == "Student")
    named = {"t": "array", "dtype": "|u1", "shape": [32_000_000], "b": 0, "order": "C"}
    tree = {"n": student.number, "value": [named] * 1000, "printed": "", "changed": []}
    text = json.dumps(tree).encode()
    student.connection.sendall(struct.pack("!IIQQ", len(text), 1, len(text) + 32_000_008, 32_000_000) + text + bytes(32_000_000))
