"""What runs did, step by step, as it is kept."""

from __future__ import annotations

from studiolo.store import Store


async def test_steps_of_several_runs_are_kept_together_and_anew(store: Store) -> None:
    for run, canvas in (("r1", "c"), ("r2", "d")):
        await store.create_canvas(canvas, "T", "ann", 1.0)
        await store.save_run({"id": run, "canvas": canvas, "state": "running", "started": 1.0})
    begun, done = {"n": 1, "state": "running"}, {"n": 1, "state": "done", "result": "“two pages”"}
    await store.save_steps([("r1", begun), ("r2", begun), ("r1", {"n": 2, "state": "running"})])
    await store.save_steps([("r1", done)])
    assert await store.run_steps("r1") == [done, {"n": 2, "state": "running"}]
    assert await store.run_steps("r2") == [begun]


async def test_steps_of_a_run_whose_canvas_is_gone_take_no_others_with_them(store: Store) -> None:
    for run, canvas in (("r1", "c"), ("r2", "d")):
        await store.create_canvas(canvas, "T", "ann", 1.0)
        await store.save_run({"id": run, "canvas": canvas, "state": "running", "started": 1.0})
    await store.delete_canvas("c")
    await store.save_steps([("r1", {"n": 1}), ("r2", {"n": 1})])
    assert await store.run_steps("r1") == [] and await store.run_steps("r2") == [{"n": 1}]
