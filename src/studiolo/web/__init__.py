"""The studio over HTTP and websockets: `create_app(settings)` gives the whole server as one ASGI application.

Every route is a thin skin: `access` says who is calling and what they may do here, the rooms below do the work, and
`failures` turns what went wrong into `{"error": {code, message, hint}}`. No rule about documents lives here.
"""

from studiolo.web.app import create_app
from studiolo.web.studio import Studio

__all__ = ["Studio", "create_app"]
