# It calls check in a cell of its own, and looks at the lesson's library.
# %% scale, right
from course_utils import check, plots

def scale(values, factor):
    return factor * np.asarray(values)
# %%
check(scale)
