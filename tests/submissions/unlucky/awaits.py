# A cell that awaits, and an event loop of its own.
# %% scale, right
import asyncio

async def later():
    await asyncio.sleep(0.01)
    return 1

def scale(values, factor):
    return factor * np.asarray(values)
# %%
assert await later() == 1
# %%
loop = asyncio.new_event_loop()
assert loop.run_until_complete(later()) == 1
