# Fifty figures, and more of them in an answer.
# %% scale, right
import matplotlib.pyplot as plt

for number in range(50):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot(np.arange(10) * number)

def scale(values, factor):
    plt.plot(np.ravel(values))
    plt.show()
    return factor * np.asarray(values)
# %%
plt.savefig("figure.png")
plt.imread("figure.png").shape
