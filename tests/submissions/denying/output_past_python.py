# 200 MB written to descriptors 1 and 2, and by a program. Ends as: graded.
# %% scale, right
import os
import subprocess

for _ in range(200):
    os.write(1, b"x" * 1_000_000)
    os.write(2, b"x" * 1_000_000)
subprocess.run(["sh", "-c", "yes | head -c 100000000"])

def scale(values, factor):
    return factor * np.asarray(values)
# %%
!yes | head -c 20000000
