# Sixteen programs with 100 MB each: none has much. Ends as: memory limit.
# %% scale
import subprocess
import sys

HOLD = "import time; held = b'x' * 100_000_000; time.sleep(60)"

def scale(values, factor):
    for child in [subprocess.Popen([sys.executable, "-S", "-c", HOLD]) for _ in range(16)]:
        child.wait()
