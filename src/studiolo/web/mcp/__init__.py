"""The door for everybody else's agents: `/mcp`, where any MCP client takes a seat at a canvas.

A client comes with an API token and is the participant that the token stands for, with the role that it gives: what it
may do is decided where it is decided for people. Every tool is a thin skin over reading a room and over its actions;
taking and turning down suggestions is left to people.
"""

from studiolo.web.mcp.door import Door

__all__ = ["Door"]
