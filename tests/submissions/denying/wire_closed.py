# It closes everything that is open, and goes on. Ends as: process died.
# %% scale
import os
import time

def scale(values, factor):
    os.closerange(0, 256)
    while True:
        time.sleep(1)
