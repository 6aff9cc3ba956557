# A loop in C, during which Python looks at no signal. Ends as: time limit.
# %% scale
def scale(values, factor):
    return sum(range(10**15))
