# Changes what it is given in ways that a call cannot: another size, another type, no longer writable.
# %% center
def center(values):
    values.resize((0,), refcheck=False)
# %% tally
def tally(words):
    words.clear()
    return {}
# %% scale
def scale(values, factor):
    values = np.asarray(values)
    values.dtype = np.uint8
    values.flags.writeable = False
    return values
