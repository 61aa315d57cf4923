"""The websocket at `/sync/{canvas}`: the y-websocket protocol between one client and its room.

`?token=` or the session cookie says who it is, `?ack=1` asks for commit acknowledgements, `?epoch=` names the copy the
client holds. A refused connection is first accepted and then closed, because browsers show a page the close code and
its reason only after the handshake.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect

from studiolo.canvas.errors import Forbidden, NotFound, StudioloError
from studiolo.metrics import tally
from studiolo.rooms import NO_CANVAS, OTHER_EPOCH, SIGNED_OUT, TRY_LATER, Connection
from studiolo.web.access import Seat, identify, seat_at, studio_of
from studiolo.web.websocket import WebSocketLine

COME_BACK = 1012
RECHECK_SECONDS = 15.0


async def sync(websocket: WebSocket) -> None:
    """Serve one client until it leaves or is sent away."""
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        await _serve(websocket)


async def _serve(websocket: WebSocket) -> None:
    studio = studio_of(websocket)
    canvas = websocket.path_params["canvas"]
    try:
        seat = await _seat(websocket, canvas)
        if seat is None:
            return await _close(websocket, SIGNED_OUT, "Sign in again: no token, or it is wrong, expired or revoked.")
        room = await studio.rooms.get(canvas)
    except Forbidden as error:
        return await _close(websocket, SIGNED_OUT, error.message)
    except NotFound as error:
        return await _close(websocket, NO_CANVAS, error.message)
    except StudioloError as error:
        return await _close(websocket, TRY_LATER, error.message)
    epoch = websocket.query_params.get("epoch")
    if epoch and epoch != room.epoch:
        return await _close(websocket, OTHER_EPOCH, "This copy is of another canvas that had this id: drop it.")

    line = WebSocketLine.of(websocket.scope)
    connection = room.join(seat.participant, line, ack=websocket.query_params.get("ack") == "1")
    line.attach(connection)
    tally.connections += 1
    websocket.state.canvas = canvas
    recheck = asyncio.create_task(_recheck(websocket, connection, canvas, seat))
    try:
        await websocket.receive()  # there is nothing to come but the end
    finally:
        recheck.cancel()
        connection.leave()


async def _seat(websocket: WebSocket, canvas: str) -> Seat | None:
    who = await identify(websocket)
    return None if who is None else await seat_at(studio_of(websocket), who, canvas)


async def _recheck(websocket: WebSocket, connection: Connection, canvas: str, seat: Seat) -> None:
    """Look now and then whether the client may still be here: another process may have revoked its token."""
    while True:
        await asyncio.sleep(RECHECK_SECONDS)
        try:
            now = await _seat(websocket, canvas)
        except NotFound:
            now = None
        except StudioloError:
            continue  # the database is busy; the next look will tell
        if now is None:
            return connection.close(SIGNED_OUT, "The token was revoked or has expired.")
        if now.participant.role != seat.participant.role:
            return connection.close(COME_BACK, "Your role here has changed: connect again.")


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    tally.closed[code] += 1
    websocket.state.code = code  # for the log
    # A close reason holds at most 123 bytes. Closing what is closed already is no error.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(code, reason.encode()[:120].decode(errors="ignore"))
