# It makes Python crash. Ends as: process died.
# %% scale
import ctypes

def scale(values, factor):
    ctypes.string_at(0)
