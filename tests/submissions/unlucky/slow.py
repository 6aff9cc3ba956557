# It is slow, but within the limits.
# %% scale, right
import time

def scale(values, factor):
    time.sleep(1)
    return factor * np.asarray(values)
# %%
time.sleep(2)
