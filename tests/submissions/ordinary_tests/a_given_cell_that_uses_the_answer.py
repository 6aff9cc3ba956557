# A given cell that uses the answer.
# %% answer square
def square(x):
    return x * x


# %% given
nine = square(3)
list_of = [square(i) for i in range(3)]
# %% test
assert nine == 9 and list_of == [0, 1, 4]
