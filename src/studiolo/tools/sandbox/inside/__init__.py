"""The half of the sandbox that runs in the child: it locks itself in and then runs the program it was given.

Only the standard library may be imported here, and nothing of Studiolo: the child is started by a path (see
`studiolo.tools.sandbox.child`), so that an import costs no time and no file of the studio need be readable inside.
"""
