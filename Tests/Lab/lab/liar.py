# SPDX-License-Identifier: Apache-2.0
"""A registry that lies: it passes everything on to a true one, but can answer a manifest's PUT with 201 and drop it."""

import hashlib
import http.client
import ssl
from http.server import BaseHTTPRequestHandler

import tokens


class Liar:
    kind = "liar"

    def __init__(self, lab, registry):
        self.lab, self.registry = lab, registry
        self.port = lab.state.port("registry liar")
        self.address = f"127.0.0.1:{self.port}"
        self.lying = True
        self.dropped = 0
        self.server = None

    def start(self):
        liar = self
        context = ssl.create_default_context(cafile=self.lab.authority.certificate)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def log_message(self, text, *values):
                pass

            def forward(self):
                if self.command == "PUT" and "/manifests/" in self.path and liar.lying and self.headers.get("Authorization"):
                    self.drop()
                    return
                upstream = http.client.HTTPSConnection("127.0.0.1", liar.registry.inner_port, timeout=60, context=context)
                try:
                    upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                    chunked = self.headers.get("Transfer-Encoding", "").lower() == "chunked"
                    for name, value in self.headers.items():
                        if name.lower() not in ("connection", "keep-alive", "expect"):
                            upstream.putheader(name, value)  # Host too: the registry builds its Locations from it
                    upstream.endheaders()
                    for part in self.body():
                        upstream.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
                    if chunked:
                        upstream.send(b"0\r\n\r\n")
                    self.pass_back(upstream.getresponse())
                finally:
                    upstream.close()

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward

            def body(self):
                if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        while size:
                            part = self.rfile.read(min(size, 1 << 20))
                            if not part:
                                raise ConnectionError("the client went away")
                            size -= len(part)
                            yield part
                        self.rfile.readline()
                    while self.rfile.readline().strip():
                        pass
                else:
                    left = int(self.headers.get("Content-Length", 0))
                    while left:
                        part = self.rfile.read(min(left, 1 << 20))
                        if not part:
                            raise ConnectionError("the client went away")
                        left -= len(part)
                        yield part

            def pass_back(self, response):
                self.send_response_only(response.status, response.reason)
                length = response.getheader("Content-Length")
                for name, value in response.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "keep-alive"):
                        self.send_header(name, value)
                if length is None:
                    self.send_header("Connection", "close")
                    self.close_connection = True
                self.end_headers()
                while part := response.read(1 << 20):
                    self.wfile.write(part)

            def drop(self):
                digest = "sha256:" + hashlib.sha256(b"".join(self.body())).hexdigest()
                liar.dropped += 1
                name = self.path.split("/manifests/")[0]
                self.send_response_only(201)
                self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
                self.send_header("Docker-Content-Digest", digest)
                self.send_header("Location", f"https://{liar.address}{name}/manifests/{digest}")
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = tokens.tls_server(self.port, Handler, self.lab.authority)

    def command(self, order):
        self.lying = order.get("on", True)
        return {"lying": self.lying, "dropped": self.dropped}

    def is_secure(self):
        return True

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def description(self):
        return {
            "kind": "liar", "address": self.address, "port": self.port, "user": self.registry.user,
            "password": self.registry.password, "certificate": self.lab.authority.certificate,
            "log": None, "storage": self.registry.storage,
        }
