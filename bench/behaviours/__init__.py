"""The behaviours that make a canvas useful, as cases with scorers: run with `python -m bench.behaviours`."""
