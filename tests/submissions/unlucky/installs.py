# It installs packages, one that is there and one that is not. Cells that fail cost nothing.
# %% scale, right
!pip install numpy

def scale(values, factor):
    return factor * np.asarray(values)
# %%
%pip install --quiet einops-that-is-not-there
# %%
!pip install torchinfo-that-is-not-there
# %%
from google.colab import drive

drive.mount("/content/drive")
