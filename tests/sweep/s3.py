"""An S3 of moto's over HTTP in this process, which counts what it is asked for and fails on demand."""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


class S3:
    """The server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.bucket = f"bucket-{uuid.uuid4().hex[:8]}"  # moto keeps what is in them as long as the process lives
        self.asked: list[str] = []
        """Method and path of every request."""
        self.fail: Callable[[str], bool] = lambda request: False
        """Whether a request is answered with 500."""
        self.silent = False
        """Whether it takes requests and answers none."""

    def url(self, place: str) -> str:
        return f"s3://{self.bucket}/{place}?endpoint_override=127.0.0.1:{self.port}&scheme=http&region=us-east-1"

    def counts(self) -> Counter[str]:
        return Counter(request.split(" ")[0] for request in self.asked)


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """Skips the test where moto is not installed."""
    pytest.importorskip("moto", reason="moto, an S3 for tests, is not installed")
    boto3 = pytest.importorskip("boto3")
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication
    from moto.server import ThreadedMotoServer

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    s3 = S3(server.get_host_and_port()[1])
    answer = DomainDispatcherApplication.__call__

    def counted(self: Any, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        s3.asked.append(request)
        while s3.silent:
            time.sleep(0.05)
        if s3.fail(request):
            start("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b""]
        answered: Iterable[bytes] = answer(self, environ, start)
        return answered

    monkeypatch.setattr(DomainDispatcherApplication, "__call__", counted)
    try:
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3.port}", region_name="us-east-1")
        client.create_bucket(Bucket=s3.bucket)
        client.close()
        s3.asked.clear()
        yield s3
    finally:
        s3.silent, s3.fail = False, lambda request: False
        server.stop()
