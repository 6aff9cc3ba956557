# It writes files beside the notebook, and reads them; it writes a module, and imports it.
# %% scale, right
from pathlib import Path

Path("data").mkdir(exist_ok=True)
np.save("data/factor.npy", np.array([2.0]))
Path("helper.py").write_text("def product(one, other):\n    return one * other\n")
import helper

def scale(values, factor):
    np.savetxt("data/values.txt", np.ravel(values))
    assert len(np.loadtxt("data/values.txt", ndmin=1)) == np.size(values)
    assert np.load("data/factor.npy")[0] == 2
    return helper.product(factor, np.asarray(values))
# %%
%%writefile other_helper.py
answer = 42
# %%
from other_helper import answer

assert answer == 42
# %%
%cd data
%cd ..
import tempfile

with tempfile.TemporaryDirectory() as folder, open(f"{folder}/x", "w") as file:
    file.write("x")
