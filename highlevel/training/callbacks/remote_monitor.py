"""`RemoteMonitor`: the logs of each epoch sent to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

from highlevel.training.callbacks.callback import Callback, Logs

__all__ = ["RemoteMonitor"]


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server.

    Args:
        root: address of the server.
        path: path under it.
        field: form field that holds the logs as JSON.
        headers: HTTP headers.
        send_as_json: send the JSON as the body instead of in a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        send: dict[str, Any] = {"epoch": epoch}
        for name, value in (logs or {}).items():
            send[name] = value.tolist() if hasattr(value, "tolist") else value
        text = json.dumps(send)
        headers = dict(self.headers or {})
        if self.send_as_json:
            body = text.encode()
            headers.setdefault("Content-Type", "application/json")
        else:
            body = urllib.parse.urlencode({self.field: text}).encode()
        address = self.root + self.path
        if not address.startswith(("http://", "https://")):
            raise ValueError(f"`root` of RemoteMonitor must be an http address; got {self.root!r}.")
        request = urllib.request.Request(address, body, headers)
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError:
            pass  # the server was reached
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(
                f"Could not reach RemoteMonitor root server at {self.root}: {error}.",
                stacklevel=2,
            )
