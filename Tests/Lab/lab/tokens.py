# SPDX-License-Identifier: Apache-2.0
"""The token server of the registry with Bearer authentication: JWTs for the scopes asked for, against Basic credentials."""

import base64
import json
import os
import secrets
import ssl
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import machine


class Tokens:
    ISSUER = "remote-build lab tokens"
    SERVICE = "remote-build lab registry"
    # Behind the user's name: another one with the same password, who may pull and not push.
    READER = "-reader"

    def __init__(self, lab, lifetime):
        self.lab, self.lifetime = lab, lifetime
        self.port = lab.state.port("tokens")
        self.realm = f"https://127.0.0.1:{self.port}/token"
        self.certificate, self.key = lab.authority.issue("tokens", "rsa", "keyUsage=critical,digitalSignature")
        with open(self.certificate) as file:
            self.chain = [base64.b64encode(ssl.PEM_cert_to_DER_cert(file.read())).decode()]
        self.server = None
        self.issued = 0

    def registry_settings(self):
        return {"realm": self.realm, "service": self.SERVICE, "issuer": self.ISSUER, "rootcertbundle": self.lab.authority.certificate}

    def start(self, user, password):
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def log_message(self, text, *values):
                pass

            def do_GET(self):
                address = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(address.query)
                name = self.authenticated()
                if address.path != "/token":
                    self.answer(404, {"details": "the only resource here is /token"})
                elif name is None:
                    self.answer(401, {"details": "wrong user or password"})
                else:
                    self.answer(200, tokens.issue(name, query.get("scope", [])))

            def do_POST(self):
                # OAuth's form of it, which Docker tries for identity tokens: not offered, as at many registries.
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(405, {"details": "use GET with Basic credentials"})

            def authenticated(self):
                """The user; "" for an anonymous request; None for wrong credentials."""
                header = self.headers.get("Authorization")
                if not header:
                    return ""
                kind, _, value = header.partition(" ")
                for name in (user, f"{user}{tokens.READER}"):
                    expected = base64.b64encode(f"{name}:{password}".encode()).decode()
                    if kind.lower() == "basic" and secrets.compare_digest(value.strip(), expected):
                        return name
                return None

            def answer(self, status, value):
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="remote-build lab tokens"')
                self.end_headers()
                self.wfile.write(body)

        self.server = tls_server(self.port, Handler, self.lab.authority)

    def issue(self, user, scopes):
        """Anonymous users get a token that opens nothing, as Gitea's do."""
        access = []
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            if user and kind == "repository" and name:
                may = ("pull",) if user.endswith(self.READER) else ("pull", "push", "delete", "*")
                allowed = [action for action in actions.split(",") if action in may]
                access.append({"type": kind, "name": name, "actions": allowed})
            elif user and (kind, name) == ("registry", "catalog"):
                access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": self.ISSUER, "sub": user, "aud": self.SERVICE, "exp": now + self.lifetime, "nbf": now - 5, "iat": now,
            "jti": secrets.token_hex(8), "access": access,
        }
        self.issued += 1
        token = self.sign({"typ": "JWT", "alg": "RS256", "x5c": self.chain}, claims)
        issued = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        return {"token": token, "access_token": token, "expires_in": self.lifetime, "issued_at": issued}

    def sign(self, header, claims):
        text = ".".join(encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        signature = subprocess.run(
            [machine.program("openssl"), "dgst", "-sha256", "-sign", self.key], input=text.encode(), capture_output=True, check=True)
        return f"{text}.{encode(signature.stdout)}"

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()


def encode(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class TLSServer(ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        """The handshake is done in the connection's own thread: a silent client stops nobody else."""
        request.settimeout(60)
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        try:
            super().finish_request(request, client_address)
        finally:
            try:
                request.close()
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass  # a client that went away


def tls_server(port, handler, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.server_certificate, authority.server_key)
    server = TLSServer(("127.0.0.1", port), handler)
    server.context = context
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server
