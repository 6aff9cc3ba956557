# Classes derived from data.
# %% answer Stack Money Point
from collections import namedtuple
from dataclasses import dataclass


class Stack(list):
    def push(self, x):
        self.append(x)
        return self


class Money(float):
    pass


Point = namedtuple("Point", "x y")


@dataclass
class Size:
    w: int
    h: int = 2


def size():
    return Size(1)


def point():
    return Point(1, 2)


# %% test
s = Stack()
assert s.push(1).push(2).pop() == 2 and len(s) == 1 and list(s) == [1]
# %% test
assert Money(2) + 1 == 3.0 and isinstance(Money(1), float)
# %% test
assert point() == (1, 2) and point().x == 1 and point()._fields == ("x", "y")
# %% test
assert (size().w, size().h) == (1, 2)
