"""An activity that gets a page over HTTP and keeps it in a folder.

It has only what the operator grants it: the page's host, a folder that it calls /pages, and the variable API_TOKEN, if the page asks for one.
"""

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import wit_world
from componentize_py_types import Err
from wit_world.imports import failures, log, outgoing_handler
from wit_world.imports import wasi_http_types as http
from wit_world.imports.sandglass_workflow_types import Payload, Payload_Json
from wit_world.imports.streams import StreamError_Closed

BODY_BYTES_MAX = 1024 * 1024
PAGES = Path("/pages")


class WitWorld(wit_world.WitWorld):
    def run(self, input: list[Payload]) -> Payload:
        order = json.loads(input[0].value)
        status, body = get(order["url"])
        if status >= 500:
            # Tried again, as the retry policy says.
            raise Err(failures.application(f"status {status}", "ServerError", False))
        file = PAGES / order["name"]
        try:
            file.write_bytes(body)
        except OSError as error:
            raise Err(failures.application(f"{file} cannot be written: {error}", "NotKept", True)) from error
        log.info(f"kept {len(body)} bytes of {order['url']}")
        return Payload_Json(json.dumps({"status": status, "bytes": len(body)}, separators=(",", ":")))


def get(url: str) -> tuple[int, bytes]:
    try:
        pending = outgoing_handler.handle(request(url), None)
        with pending.subscribe() as ready:
            ready.block()
        answer = pending.get()
    except Err as error:
        raise not_got(error.value) from error
    # There is an answer, nobody has taken it, and it is a response or why there is none.
    match answer.value:
        case Err(value=error):
            raise not_got(error)
        case answered:
            response = answered.value
            return response.status(), read(response.consume())


def request(url: str) -> http.OutgoingRequest:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise Err(failures.application(f"{url} is no address", "BadUrl", True))
    headers = http.Fields()
    if token := os.environ.get("API_TOKEN"):
        headers.append("authorization", f"Bearer {token}".encode())
    request = http.OutgoingRequest(headers)
    request.set_scheme(http.Scheme_Https() if parts.scheme == "https" else http.Scheme_Http())
    request.set_authority(parts.netloc)
    request.set_path_with_query(parts.path + (f"?{parts.query}" if parts.query else ""))
    return request


def read(body: http.IncomingBody) -> bytes:
    page = bytearray()
    with body, body.stream() as stream:
        while len(page) <= BODY_BYTES_MAX:
            try:
                page += stream.blocking_read(64 * 1024)
            except Err as error:
                if isinstance(error.value, StreamError_Closed):
                    return bytes(page)
                raise Err(failures.application(error.value.value.to_debug_string(), "NotGot", False)) from error
    raise Err(failures.application("the page is too large", "TooLarge", True))


def not_got(error: http.ErrorCode) -> Err:
    """What is denied stays denied; anything else may go better the next time."""
    denied = isinstance(error, http.ErrorCode_HttpRequestDenied)
    kind = "Denied" if denied else "NotGot"
    return Err(failures.application(f"the page cannot be had: {type(error).__name__}", kind, denied))
