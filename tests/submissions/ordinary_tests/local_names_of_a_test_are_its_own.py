# Local names of a test are its own.
# %% answer square x
x = "theirs"
i = 99


def square(x):
    return x * x


# %% test
assert [square(i) for i in range(3)] == [0, 1, 4]
for i in range(2):
    pass
assert i == 1


# %% test
def helper(x):
    return square(x)


assert helper(3) == 9 and (lambda x: square(x))(2) == 4
# %% test
assert x == "theirs"
