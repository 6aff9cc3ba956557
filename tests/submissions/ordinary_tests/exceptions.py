# Exceptions.
# %% answer check_positive
class Refused(ValueError):
    pass


def check_positive(x):
    if x < 0:
        raise Refused("must not be negative")
    return 1 / x


# %% test
try:
    check_positive(-1)
except ValueError as error:
    assert "negative" in str(error)
else:
    raise AssertionError("no error")
# %% test
try:
    check_positive(0)
except ZeroDivisionError:
    pass
# %% test
try:
    check_positive(-1)
except KeyError:
    pass
# %% test
import pytest

with pytest.raises(ValueError, match="negative"):
    check_positive(-1)
# %% test
import unittest

case = unittest.TestCase()
case.assertRaises(ValueError, check_positive, -1)
case.assertEqual(check_positive(2), 0.5)
