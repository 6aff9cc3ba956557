# Children that live on, in sessions of their own, without parents, and not to be told to end. Ends as: graded.
# %% scale, right
import ctypes
import os
import signal
import subprocess
import sys
import time

def live_on():
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    ctypes.CDLL(None).prctl(1, 0)  # PR_SET_PDEATHSIG: none
    while True:
        time.sleep(0.01)

for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            live_on()
        os._exit(0)
    os.wait()
subprocess.Popen(["setsid", "sleep", "1000"])
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(1000)"], start_new_session=True)

def scale(values, factor):
    return factor * np.asarray(values)
