# SPDX-License-Identifier: Apache-2.0
"""A page of the wheels that this machine keeps in directories, for pip's --find-links inside builds."""

import html
import os
import shutil
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that went away


class Wheels:
    def __init__(self, lab, directories):
        self.files = {}
        for directory in directories:
            for name in os.listdir(directory):
                if name.endswith((".whl", ".tar.gz")):
                    self.files.setdefault(name, os.path.join(directory, name))
        self.port = lab.state.port("wheels")
        self.address = f"http://127.0.0.1:{self.port}/"
        self.server = None

    def start(self):
        files = self.files

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def log_message(self, text, *values):
                pass

            def do_GET(self):
                name = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path[1:])
                if name in files:
                    with open(files[name], "rb") as file:
                        self.begin(200, "application/octet-stream", os.fstat(file.fileno()).st_size)
                        shutil.copyfileobj(file, self.wfile, 1 << 20)
                    return
                links = "".join(f'<a href="/{urllib.parse.quote(each)}">{html.escape(each)}</a>\n' for each in sorted(files))
                page = f"<!DOCTYPE html><html><body>\n{links}</body></html>\n".encode()
                self.begin(404 if name else 200, "text/html", len(page))
                self.wfile.write(page)

            def begin(self, status, kind, length):
                self.send_response_only(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(length))
                self.end_headers()

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
