"""Runs the code of the function Probe against an HTTP server."""

import contextlib
import email
import http.server
import io
import os
import tarfile
import threading
import types
import unittest
import urllib.error
from unittest import mock

from stack import RESOURCES

PROBE = RESOURCES["Probe"]["Properties"]
KEY = "sk_01JACME0000000000000000000_key"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:probe"


class Api(http.server.BaseHTTPRequestHandler):
    """An API that records requests and responds with one status."""

    def do_POST(self):  # noqa: N802 - the name is that of the base class
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, self.headers, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Probe(unittest.TestCase):
    def run_probe(self, status):
        """Runs the probe once against an API that responds with a status. Returns the request."""
        server = http.server.HTTPServer(("127.0.0.1", 0), Api)
        self.addCleanup(server.server_close)
        server.status, server.requests = status, []
        threading.Thread(target=server.handle_request, daemon=True).start()
        variables = {"URL": f"http://127.0.0.1:{server.server_port}", "KEY_SECRET_ARN": SECRET_ARN}
        self.assertEqual(set(PROBE["Environment"]["Variables"]), set(variables))
        secrets = mock.Mock(get_secret_value=mock.Mock(return_value={"SecretString": KEY}))
        boto3 = types.SimpleNamespace(client={"secretsmanager": secrets}.get)
        module = {}
        with mock.patch.dict("sys.modules", boto3=boto3), mock.patch.dict(os.environ, variables):
            exec(PROBE["Code"]["ZipFile"], module)
            with contextlib.redirect_stdout(io.StringIO()):
                module["handler"]({}, None)
        secrets.get_secret_value.assert_called_once_with(SecretId=SECRET_ARN)
        (request,) = server.requests
        return request

    def test_sends_a_dry_run_of_a_valid_pack(self):
        path, headers, body = self.run_probe(200)
        self.assertEqual((path, headers["authorization"]), ("/v1/packs/upload?dry_run=true", f"Bearer {KEY}"))
        content_type = f"content-type: {headers['content-type']}\r\n\r\n".encode()
        (part,) = email.message_from_bytes(content_type + body).get_payload()
        self.assertEqual(part.get_param("name", header="content-disposition"), "archive")
        archive = tarfile.open(fileobj=io.BytesIO(part.get_payload(decode=True)))
        self.assertEqual(archive.getnames(), ["pack.yaml"])
        self.assertIn(b"name: probe\nversion: 1.0.0\n", archive.extractfile("pack.yaml").read())

    def test_fails_if_the_api_does_not_accept_the_upload(self):
        for status in [401, 403, 429, 500, 503]:
            with self.assertRaises(urllib.error.HTTPError):
                self.run_probe(status)

    def test_uses_the_host_of_the_org_if_orgs_have_hosts(self):
        condition, host, _ = PROBE["Environment"]["Variables"]["URL"]["Fn::If"]
        self.assertEqual((condition, host), ("HasProbeUrl", {"Ref": "ProbeUrl"}))


if __name__ == "__main__":
    unittest.main()
