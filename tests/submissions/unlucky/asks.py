# It asks, and nobody is there to answer.
# %% scale, right
name = input("What is your name? ")

def scale(values, factor):
    if input("Sure? ") == "no":
        raise ValueError
    return factor * np.asarray(values)
# %%
import getpass

getpass.getpass("And your password? ")
