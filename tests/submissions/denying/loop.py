# An endless loop. Ends as: time limit.
# %% scale
def scale(values, factor):
    while True:
        pass
