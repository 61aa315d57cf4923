"""The program that runs inside the child process: llama.cpp's server engine, and nothing else of Studiolo.

It is started by path (`python -P llama_child.py`), so it imports only the standard library and `xllamacpp`.
The parent writes one JSON line to stdin (so the key is never on a command line or in an environment) and then
keeps stdin open: the end of stdin means the parent is gone, however it died. One JSON line on stdout answers,
`{"address": ...}` or `{"error": ...}`.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import threading
from typing import Any

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Ask Linux to kill this process when `parent` dies; elsewhere the end of stdin has to do."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call above took effect
        os._exit(0)


def leave_at_end_of_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def serve(wanted: dict[str, Any]) -> Any:
    """Load the weights and listen. Returns the server, which must stay referenced. Raises RuntimeError."""
    xllamacpp = importlib.import_module("xllamacpp")  # compiled, without type information
    params = xllamacpp.CommonParams()
    params.model.path = wanted["weights"]
    params.hostnames = [wanted["listen"]]  # a name ending in .sock is a unix socket
    params.port = 0
    params.api_keys = [wanted["key"]]
    params.n_ctx = wanted["cells"]
    params.n_parallel = wanted["slots"]
    params.kv_unified = True  # all slots share the cells, so one request may use the whole context
    params.n_predict = wanted["max_tokens"]
    # A request is only cancelled, and its neighbours only get their turn, between two batches.
    params.n_batch = params.n_ubatch = wanted["batch"]
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = wanted["threads"]
        pool.poll = wanted["poll"]  # 0: workers sleep between tokens; spinning ones starve a busy machine
    params.cache_ram_mib = 0  # each slot keeps its last prompt; a second store in memory is not worth it
    params.fit_params = False
    params.warmup = False
    params.ui = False
    params.verbosity = 2  # warnings and errors; never prompts
    return xllamacpp.Server(params)


def main() -> None:
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the engine prints must not be taken for the answer
    first = bytearray()
    while not first.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return
        first += byte
    wanted = json.loads(first)
    die_with(wanted["parent"])
    threading.Thread(target=leave_at_end_of_stdin, daemon=True).start()
    try:
        server = serve(wanted)
        reply = {"address": server.listening_address}
    except Exception as failure:
        server, reply = None, {"error": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(reply), file=answer, flush=True)
    if server is not None:
        threading.Event().wait()


if __name__ == "__main__":
    main()
