"""Tasks: work that goes on for hours and days, and comes back as something to review.

A task is a plan: a list of steps, kept as data, that a kind of task lays out, that steps may add to, and that people
may change while it is carried out. Whatever carries it out looks at the plan anew before each step, so everything that
somebody says, changes, drops or stops is taken up there. What a step came to is kept before the next one begins, and
what it does to a canvas is done once, whatever crashes; a task that waits for a person is a row and nothing else.
What may not enter: answering HTTP; `command` only asks. What an agent does within a step is `agents`' business.
"""
