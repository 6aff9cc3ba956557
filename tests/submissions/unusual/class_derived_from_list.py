# The class derived from list.
# %% Queue, right
class Queue(list):
    push = list.append

    def pop(self):
        return super().pop(0)

    @property
    def items(self):
        return list(self)
