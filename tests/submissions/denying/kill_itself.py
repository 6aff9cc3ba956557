# It kills itself. Ends as: process died.
# %% scale
import os
import signal

def scale(values, factor):
    os.kill(os.getpid(), signal.SIGKILL)
