# Files in memory: memfd_create, and /dev/shm until it is full. Ends as: graded.
# %% scale
import os

def scale(values, factor):
    refused = 0
    try:
        os.memfd_create("much")
    except OSError:
        refused += 1
    try:
        for number in range(64):
            with open(f"/dev/shm/{number}", "wb") as file:
                file.write(b"x" * (1 << 26))
    except OSError:
        refused += 1
    raise ValueError(f"refused {refused} of 2")
