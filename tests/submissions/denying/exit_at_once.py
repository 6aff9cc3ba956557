# It ends Python without a word. Ends as: process died.
# %% scale
import os

def scale(values, factor):
    os._exit(0)
