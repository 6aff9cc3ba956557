# Objects and classes that can be called.
# %% scale, right
class Scale:
    def __call__(self, values, factor):
        return np.asarray(values) * factor


scale = Scale()
# %% tally, right
class tally(dict):
    def __init__(self, words):
        if isinstance(words, str):
            raise TypeError("a list is needed")
        super().__init__({word: words.count(word) for word in words})
# %% mlp_parameters, right
class mlp_parameters(int):
    def __new__(cls, sizes):
        return int.__new__(cls, sum((m + 1) * n for m, n in zip(sizes, sizes[1:])))
