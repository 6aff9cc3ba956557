# Names of one test in a later one.
# %% answer square
def square(x):
    return x * x


# %% test
expected = 16
result = square(4)


def same():
    return result == expected


# %% test
assert same() and result == 16
# %% test
assert square(result) == 256
