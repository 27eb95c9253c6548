"""The parts that every service has: /healthz, /metrics, and a bounded request body."""

from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request
from prometheus_client import make_asgi_app

LARGEST_BODY = 32 * 1024 * 1024


def service(name: str, **details) -> FastAPI:
    """An application that answers /healthz with its name and `details`, and /metrics for Prometheus."""
    app = FastAPI(title=name)
    app.mount("/metrics", make_asgi_app())

    @app.get("/healthz")
    def healthz():
        return {"service": name, "status": "ok", **details}

    return app


async def body(request: Request) -> bytes:
    """The request's body as it is; 413 where it is larger than LARGEST_BODY."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST_BODY:
            raise HTTPException(413, f"the document is larger than {LARGEST_BODY} bytes")
    return bytes(content)


Content = Annotated[bytes, Depends(body)]
