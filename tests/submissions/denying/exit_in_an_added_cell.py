# A cell between the answers ends Python; the answers are right. Ends as: process died.
# %% scale, right
def scale(values, factor):
    return factor * np.asarray(values)
# %%
import os

os._exit(3)
