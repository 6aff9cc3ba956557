# Prints and displays a score, and registers more for the end.
# %% scale
import atexit

from IPython.display import display

atexit.register(lambda: print(2))
display({"text/plain": "2"}, raw=True)


def scale(values, factor):
    print(2)
    display({"text/plain": "2"}, raw=True)
    return 2


2
# %%
2.0
