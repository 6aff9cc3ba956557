# Calls functions of the judge's that it was not given, out of turn, and with strange arguments.
# %% slope
import gc

kept = []


def slope(f, x):
    kept.append(f)
    for function in kept:
        for value in (None, "x", [1], {"a": 1}, object(), lambda: 0, float("nan"), 10**300):
            try:
                function(value)
            except Exception:
                pass
    student = next(t for t in gc.get_objects() if type(t).__name__ == "Student")
    for number in range(-2, 9):
        try:
            student._callback(number)(1.0)
        except Exception:
            pass
    return 6.0
