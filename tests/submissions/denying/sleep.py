# It sleeps for an hour. Ends as: time limit.
# %% scale
import time

def scale(values, factor):
    time.sleep(3600)
