"""A relay between a function and a backend that notes which calls go through it."""

import re
import socket
import threading

# The operation of a request, as its head says it. SDK requests have lower-case header names.
TARGET = re.compile(rb"x-amz-target: (?:\w+\.)*?(DynamoDB|AmazonSQS)\w*\.(\w+)\r\n", re.IGNORECASE)
OBJECT = re.compile(rb"(?:^|\r\n|\n|[^A-Z])(PUT|GET) /[^ ]+\?x-id=(\w+) HTTP/1\.1\r\n")
SERVICES = {b"DynamoDB": "DynamoDB", b"AmazonSQS": "SQS"}


class Recorder:
    """Listens on a port of its own and hands everything on to `backend`, an address like http://127.0.0.1:1234."""

    def __init__(self, backend):
        host, _, port = backend.removeprefix("http://").rpartition(":")
        self._backend = (host, int(port))
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def calls(self):
        """What went through so far: names such as DynamoDB.GetItem."""
        found = set()
        for sent in self._connections:
            sent = bytes(sent)
            found.update(f"{SERVICES[service]}.{name.decode()}" for service, name in TARGET.findall(sent))
            found.update(f"S3.{name.decode()}" for _, name in OBJECT.findall(sent))
        return found

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            backend = socket.create_connection(self._backend)
            sent = bytearray()
            self._connections.append(sent)
            threading.Thread(target=relay, args=(client, backend, sent), daemon=True).start()
            threading.Thread(target=relay, args=(backend, client, None), daemon=True).start()


def relay(source, sink, copy):
    try:
        while data := source.recv(65536):
            if copy is not None:
                copy.extend(data)
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # The other direction has ended, and says why where it matters.
        pass
