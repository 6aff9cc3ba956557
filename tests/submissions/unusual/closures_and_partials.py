# Functions that nobody wrote with def: closures, partials, lambdas, methods, library functions.
# %% scale, right
import functools
import operator

scale = functools.partial(lambda extra, values, factor: np.multiply(values, factor), None)
# %% tally, right
def make():
    kind = str

    def tally(words):
        if isinstance(words, kind):
            raise TypeError
        return dict(map(lambda word: (word, words.count(word)), words))

    return tally


tally = make()
# %% slope, right
slope = lambda f, x, h=1e-5: (f(x + h) - f(x - h)) / (2 * h)
# %% mlp_parameters, right
class Counter:
    def count(self, sizes):
        return sum((m + 1) * n for m, n in zip(sizes, sizes[1:]))


mlp_parameters = Counter().count
