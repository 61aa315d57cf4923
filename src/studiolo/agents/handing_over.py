"""What an agent says to whoever takes its work over."""

from __future__ import annotations

from studiolo.agents.run import Run


def handed_over(run: Run, to: str) -> str:
    """How far it came, what came of it and what is left."""
    said = [f"{to} takes over here."]
    for state, words in (("done", "Done"), ("doing", "Begun"), ("todo", "Left")):
        items = [item["text"] for item in run.plan if item["state"] == state]
        if items:
            said.append(f"{words}:\n" + "\n".join(f"- {item}" for item in items))
    if not run.plan:
        said.append(f"I had made no plan; I was asked: {run.ask.prompt.strip()[:1_000]}")
    made = [result["type"] for result in run.results if result["type"] in ("suggestion", "thread")]
    if made:
        counted = [f"{made.count(kind)} {kind}{'' if made.count(kind) == 1 else 's'}" for kind in dict.fromkeys(made)]
        said.append(f"What I made stays beside the text: {', '.join(counted)}.")
    return "\n\n".join(said)
