# Pictures of many megabytes. Ends as: graded.
# %% scale, right
from IPython.display import Image, display

for _ in range(5):
    display(Image(data=b"\x89PNG\r\n\x1a\n" + bytes(8_000_000)))

def scale(values, factor):
    return factor * np.asarray(values)
