# Magics.
# %% answer square
def square(x):
    return x * x
# %% test
%%time
assert square(2) == 4
# %% test
%time assert square(2) == 5
