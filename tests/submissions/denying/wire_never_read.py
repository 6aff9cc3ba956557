# Another process keeps the wire open after its own has ended. Ends as: process died.
# %% scale
import os
import time

def scale(values, factor):
    if os.fork() == 0:
        os.setsid()
        while True:
            time.sleep(1)
    os._exit(0)
