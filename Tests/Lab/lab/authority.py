# SPDX-License-Identifier: Apache-2.0
"""The lab's certificate authority, which no machine trusts but the lab's own hosts."""

import os
import subprocess

import machine


class Authority:
    def __init__(self, state):
        self.directory = state.make("authority", mode=0o700)
        self.certificate = os.path.join(self.directory, "ca.crt")
        self.key = os.path.join(self.directory, "ca.key")
        self.server_certificate = os.path.join(self.directory, "server.crt")
        self.server_key = os.path.join(self.directory, "server.key")
        if os.path.exists(self.server_certificate):
            return
        self.openssl(
            "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.key, "-out", self.certificate, "-days", "3650", "-subj", "/CN=remote-build lab authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.issue("server", "ec", "subjectAltName=IP:127.0.0.1,IP:::1,DNS:localhost\nextendedKeyUsage=serverAuth")

    def issue(self, name, kind, extensions):
        """A key and a certificate of the authority's: (certificate, key)."""
        key, certificate, request, extra = (
            os.path.join(self.directory, f"{name}.{suffix}") for suffix in ("key", "crt", "csr", "ext"))
        if not os.path.exists(certificate):
            with open(extra, "w") as file:
                file.write(f"basicConstraints=CA:FALSE\n{extensions}\n")
            options = ["-pkeyopt", "ec_paramgen_curve:prime256v1"] if kind == "ec" else ["-pkeyopt", "rsa_keygen_bits:2048"]
            self.openssl("req", "-new", "-newkey", kind, *options, "-nodes", "-keyout", key, "-out", request,
                         "-subj", f"/CN=remote-build lab {name}")
            self.openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                         "-days", "3650", "-extfile", extra, "-out", certificate)
        return certificate, key

    def openssl(self, *arguments):
        answer = subprocess.run([machine.program("openssl"), *arguments], capture_output=True, stdin=subprocess.DEVNULL)
        if answer.returncode:
            raise RuntimeError(f"openssl {arguments[0]}: {answer.stderr.decode(errors='replace')}")
