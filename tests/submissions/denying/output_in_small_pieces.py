# A million small outputs. Seconds: 20. Ends as: graded.
# %% scale, right
from IPython.display import display

for number in range(200_000):
    print(number, end="")
    if number % 200 == 0:
        display(number)
for number in range(1_000_000):
    print(end=".")

def scale(values, factor):
    return factor * np.asarray(values)
