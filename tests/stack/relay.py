"""Makes a server on loopback reachable at another address of this machine."""

import socket
import threading


class Relay:
    """Accepts connections at `address` and forwards them to the same port on loopback, until the process exits."""

    def __init__(self, address, port):
        self._backend = ("127.0.0.1", port)
        self._listener = socket.create_server((address, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            try:
                backend = socket.create_connection(self._backend)
            except OSError:
                client.close()
                continue
            threading.Thread(target=_relay, args=(client, backend), daemon=True).start()
            threading.Thread(target=_relay, args=(backend, client), daemon=True).start()


def _relay(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        # The other direction has closed the connection.
        pass
