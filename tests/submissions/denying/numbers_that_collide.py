# A reply with a set whose items all have the same hash. Ends as: process died.
# %% scale
import gc
import json
import struct

def scale(values, factor):
    student = next(o for o in gc.get_objects() if type(o).__name__ == "Student")
    items = [{"t": "int", "v": hex((2**61 - 1) * number)} for number in range(1, 50_000)]
    tree = {"n": student.number, "value": {"t": "set", "v": items}, "printed": "", "changed": []}
    text = json.dumps(tree).encode()
    student.connection.sendall(struct.pack("!IIQ", len(text), 0, len(text)) + text)
