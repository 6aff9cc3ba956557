# Forks write to what they share with their parent, so that each gets a copy. Ends as: memory limit.
# %% scale
import os
import time

def scale(values, factor):
    shared = np.ones(12_500_000)  # 100 MB
    for _ in range(12):
        if os.fork() == 0:
            shared += 1
            time.sleep(60)
            os._exit(0)
    time.sleep(60)
