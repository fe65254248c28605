"""A FastAPI application on a real socket, for programs that want one."""

import contextlib
import threading
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from tests.servers import free_port, until


@contextlib.contextmanager
def serve(app: FastAPI) -> Iterator[str]:
    """Serve on loopback and a free port; yields the URL."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started, "our server to start")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
