# It warns, logs, and writes on the error stream.
# %% scale, right
import logging
import sys
import warnings

logging.basicConfig(level=logging.DEBUG)
warnings.simplefilter("always")

def scale(values, factor):
    warnings.warn("this is deprecated", DeprecationWarning)
    logging.getLogger().error("an error that is none")
    print("something went wrong, or not", file=sys.stderr)
    np.array([1.0]) / 0
    return factor * np.asarray(values)
# %%
1 / np.zeros(3)
