# Imports inside of functions, under other names, and a module made by hand.
# %% scale, right
def scale(values, factor):
    import numpy

    return numpy.array([[factor * v for v in row] if isinstance(row, numpy.ndarray) else factor * row for row in values])
# %% tally, right
def tally(words):
    from collections import Counter as C

    if type(words) is str:
        raise TypeError()
    return C(words)
# %% mlp_parameters, right
import types

own = types.ModuleType("own")
exec("def count(sizes):\n    return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))", own.__dict__)
mlp_parameters = own.count
