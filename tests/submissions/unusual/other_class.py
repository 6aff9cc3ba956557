# The class in another way: slots, inheritance, a deque, a metaclass.
# %% Queue, right
from collections import deque


class Registered(type):
    classes = []

    def __new__(cls, name, bases, scope):
        made = super().__new__(cls, name, bases, scope)
        cls.classes.append(made)
        return made


class Base(metaclass=Registered):
    __slots__ = ("_items",)

    def __init__(self):
        self._items = deque()

    @property
    def items(self):
        return list(self._items)


class Queue(Base):
    def push(self, item):
        self._items.append(item)

    def pop(self):
        return self._items.popleft()

    def __len__(self):
        return len(self._items)
