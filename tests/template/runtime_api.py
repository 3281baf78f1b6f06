#!/usr/bin/env python3
"""Runs one Lambda function without Lambda: serves the Runtime API on a free port, starts the binary, hands it an event, takes its answer.

usage: runtime_api.py BINARY EVENT.json [--as-is] [--set NAME=VALUE]...

Prints the answer as JSON: status, headers, body (as text, or base64), whether it was streamed, and the time from exec to the answer.
The event's time is set to now, unless --as-is is given. The function inherits this environment, plus --set.
"""

import argparse
import base64
import http.server
import json
import os
import pathlib
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid

PRELUDE_END = b"\0" * 8
START_SECS = 30


class Failed(Exception):
    """The function did not answer: it ended, stayed silent, or reported an error."""


class Function:
    """A function's binary, running. A context manager; it ends with the block.

    `call` hands over one event and gives back the answer. `first_answer_secs` is the time from exec to the first answer.
    """

    def __init__(self, binary, environment=None, name=None):
        self.binary = pathlib.Path(binary).resolve()
        self.name = name or self.binary.name
        self.environment = environment or {}
        self.events = queue.Queue()
        self.answers = queue.Queue()
        self.first_answer_secs = None

    def __enter__(self):
        self.server = Server(("127.0.0.1", 0), runtime_api(self))
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.log = tempfile.TemporaryFile()
        environment = {
            "AWS_REGION": "us-east-1",
            **os.environ,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            **self.environment,
        }
        self.started = time.monotonic()
        self.process = subprocess.Popen([self.binary], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.server.server_close()
        self.log.close()

    def log_text(self):
        """What the function has written to its output so far."""
        self.log.flush()
        with open(f"/proc/self/fd/{self.log.fileno()}", encoding="utf-8", errors="replace") as file:
            return file.read()

    def call(self, event):
        """Hands over one event. Raises `Failed` when no answer comes."""
        self.events.put(event)
        deadline = time.monotonic() + START_SECS
        while time.monotonic() < deadline:
            try:
                answered, answer = self.answers.get(timeout=0.05)
            except queue.Empty:
                if self.process.poll() is not None:
                    raise Failed(f"the function ended with {self.process.returncode}:\n{self.log_text()}") from None
                continue
            if self.first_answer_secs is None:
                self.first_answer_secs = answered - self.started
            if "error" in answer:
                raise Failed(f"the function failed: {answer['error']}\n{self.log_text()}")
            return answer
        raise Failed(f"no answer within {START_SECS} s:\n{self.log_text()}")


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection: while one waits for the next event, another takes an answer."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        # A function that is ended leaves its connection broken; nothing else fails here but by a mistake of ours.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def runtime_api(function):
    """The Runtime API (2018-06-01) for one function, as a request handler class."""

    class RuntimeApi(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            event = function.events.get()
            body = json.dumps(event).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 30) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:us-east-1:000000000000:function:{function.name}")
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-6924f2c0-2f5e1d7a4c3b6a8900112233;Sampled=0")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            streamed = self.headers.get("Lambda-Runtime-Function-Response-Mode") == "streaming"
            try:
                body = self.read_body()
                if self.path.endswith("/error"):
                    raise Failed(body.decode(errors="replace"))
                answer = read_streamed(body) if streamed else read_buffered(body)
            except (Failed, ValueError, KeyError) as failed:
                answer = {"error": repr(failed)}
            function.answers.put((time.monotonic(), answer))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def read_body(self):
            """The body, also in chunks, as streamed answers come."""
            if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            self.acknowledge_at_once()
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.acknowledge_at_once()
                body += self.rfile.read(size)
                self.rfile.readline()
            # Trailers: that is how a function says that it failed in the middle of a stream.
            trailers = b"".join(iter(self.rfile.readline, b"\r\n"))
            if b"lambda-runtime-function-error" in trailers.lower():
                raise Failed(f"the stream broke off: {trailers!r}")
            return body

        def acknowledge_at_once(self):
            """Without it a function's second small write waits 40 ms for the kernel to acknowledge the first (Nagle's algorithm)."""
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

        def log_message(self, *_):
            pass

    return RuntimeApi


def read_streamed(payload):
    """A streamed answer: metadata as JSON, eight zero bytes, the body as it is."""
    prelude, separator, body = payload.partition(PRELUDE_END)
    if not separator:
        raise Failed(f"a streamed answer without a prelude: {payload[:200]!r}")
    metadata = json.loads(prelude)
    return answer_of(metadata, body, True)


def read_buffered(payload):
    """A whole answer: one JSON document, the body in it."""
    metadata = json.loads(payload)
    body = metadata.get("body") or ""
    body = base64.b64decode(body) if metadata.get("isBase64Encoded") else body.encode()
    return answer_of(metadata, body, False)


def answer_of(metadata, body, streamed):
    headers = {name.lower(): [value] for name, value in (metadata.get("headers") or {}).items()}
    # A load balancer's answer may have several of one name.
    for name, values in (metadata.get("multiValueHeaders") or {}).items():
        headers[name.lower()] = values
    return {"status": metadata["statusCode"], "headers": headers, "body": body, "streamed": streamed}


def at(event, milliseconds):
    """The event as if it had happened at that time, whichever door it came through."""
    context = event["requestContext"]
    for name in ("timeEpoch", "requestTimeEpoch"):
        if name in context:
            context[name] = milliseconds
    return event


def printable(answer, secs):
    """The answer as JSON can hold it."""
    shown = {**answer, "first_answer_ms": round(secs * 1000, 1)}
    body = shown.pop("body")
    try:
        shown["body"] = body.decode()
    except UnicodeDecodeError:
        shown["body_base64"] = base64.b64encode(body).decode()
    return shown


def main():
    arguments = argparse.ArgumentParser(description="Runs one Lambda function on one event.")
    arguments.add_argument("binary")
    arguments.add_argument("event", type=pathlib.Path)
    arguments.add_argument("--as-is", action="store_true", help="do not set the event's time to now")
    arguments.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an environment variable of the function")
    given = arguments.parse_args()
    event = json.loads(given.event.read_text(encoding="utf-8"))
    if not given.as_is:
        at(event, int(time.time() * 1000))
    with Function(given.binary, dict(one.split("=", 1) for one in given.set)) as function:
        try:
            answer = function.call(event)
        except Failed as failed:
            sys.exit(str(failed))
        print(json.dumps(printable(answer, function.first_answer_secs), indent=1))


if __name__ == "__main__":
    main()
