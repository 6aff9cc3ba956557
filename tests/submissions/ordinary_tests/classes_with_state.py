# Classes with state.
# %% answer Account
class Account:
    kinds = ("a", "b")

    def __init__(self, amount=0, *, owner="nobody"):
        self.amount, self.owner, self._log = amount, owner, []

    def deposit(self, amount):
        if amount < 0:
            raise ValueError("negative")
        self.amount += amount
        self._log.append(amount)
        return self

    @property
    def doubled(self):
        return 2 * self.amount

    @classmethod
    def rich(cls):
        return cls(1000)

    def __len__(self):
        return len(self._log)

    def __getitem__(self, i):
        return self._log[i]

    def __setitem__(self, i, value):
        self._log[i] = value

    def __str__(self):
        return f"{self.owner}: {self.amount}"

    def __add__(self, other):
        return Account(self.amount + other.amount)


# %% test
one = Account(5, owner="ada")
assert (one.amount, one.owner, one.doubled) == (5, "ada", 10)
# %% test
assert one.deposit(3).deposit(4).amount == 12 and len(one) == 2 and one[1] == 4
# %% test
one[0] = 9
assert list(one) == [9, 4] and 9 in one and one._log == [9, 4]
# %% test
one.amount = 1
assert str(one) == "ada: 1" and f"{one}" == "ada: 1"
# %% test
assert Account.rich().amount == 1000 and Account.kinds == ("a", "b")
# %% test
assert (one + Account.rich()).amount == 1001
# %% test
try:
    one.deposit(-1)
except ValueError as error:
    assert "negative" in str(error)
else:
    assert False
# %% test
assert one.missing == 3
# %% test
assert hasattr(one, "deposit") and not hasattr(one, "withdraw") and callable(one.deposit)
