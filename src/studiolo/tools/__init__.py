"""What agents can reach beyond the canvas: the web, a browser, documentation, a Python sandbox, tables, files.

Each tool is a plain class or function that takes values and gives values, states its limits, and raises a
`StudioloError` whose sentence a model can act on. No model, no agent, no canvas and no permission may enter here: who
may use what is decided in `agents`, and what a tool brings back is data, never an instruction.
"""
