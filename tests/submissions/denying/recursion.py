# Recursion without end. Ends as: graded.
# %% scale
def scale(values, factor):
    return scale(values, factor)
