# An answer that changes later.
# %% answer f
def f():
    return 1


# %% test
assert f() == 1


# %% answer f
def f():
    return 2


# %% test
assert f() == 2
# %%
state = []


def f():
    state.append(0)
    return len(state)


# %% test
assert f() == 1 and f() == 2
