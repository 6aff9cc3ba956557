# An endless loop that swallows KeyboardInterrupt, SystemExit and whatever else there is. Ends as: time limit.
# %% scale
def scale(values, factor):
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
