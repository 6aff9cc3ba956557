# Progress bars and widgets, in a cell and in an answer.
# %% scale, right
import ipywidgets
from ipywidgets import interact
from tqdm import tqdm, trange
from tqdm.auto import tqdm as auto_tqdm
from tqdm.notebook import tqdm as notebook_tqdm

@interact(x=(0, 10))
def show(x=3):
    print(x)

def scale(values, factor):
    for _ in tqdm(range(100)):
        pass
    for _ in notebook_tqdm(range(3)):
        pass
    for _ in auto_tqdm(range(3)):
        pass
    return factor * np.asarray(values)
# %%
ipywidgets.VBox([ipywidgets.IntSlider(), ipywidgets.Output()])
