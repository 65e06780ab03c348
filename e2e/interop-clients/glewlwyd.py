"""Debian's glewlwyd with its OpenID Connect plugin and an SQLite database.

Its only user is the administrator that the installation creates. In front of it, this
program replaces the login page, which needs JavaScript, by a form. It prints one line with
its address, and to standard error one line of JSON for every request at an endpoint with
client authentication, in the format of legacyd.
"""
import argparse
import gzip
import http.client
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

flags = argparse.ArgumentParser()
for name in ("listen", "public-url"):
    flags.add_argument(f"--{name}", required=True)
options = flags.parse_args()

UNPACKED = Path(__file__).parents[1] / ".build/glewlwyd"
OBSERVED = ("/api/oidc/token", "/api/oidc/introspect", "/api/oidc/revoke")
PAGE = b'<form method="post"><button name="decision" value="allow">log in</button></form>'

# Allows the only user two scopes, of which read is new.
SCOPES = """
    INSERT INTO g_scope (gs_name) VALUES ('read');
    INSERT INTO g_user_scope (gus_name) VALUES ('openid'), ('read');
    INSERT INTO g_user_scope_user (gu_id, gus_id)
        SELECT gu_id, gus_id FROM g_user, g_user_scope WHERE gus_name IN ('openid', 'read');
"""


def openssl(*arguments, **keywords):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True, **keywords).stdout


def fill_database(file):
    """Create the tables, the plugin and the scopes."""
    key = openssl("genrsa", "2048")
    plugin = {
        "iss": f"{options.public_url}/api/oidc",
        "jwt-type": "rsa",
        "jwt-key-size": "256",
        "key": key,
        "cert": openssl("rsa", "-pubout", input=key),
        "access-token-duration": 3600,
        "refresh-token-duration": 3600,
        "code-duration": 60,
        "refresh-token-rolling": True,
        "allow-non-oidc": True,
        "auth-type-code-enabled": True,
        "auth-type-token-enabled": False,
        "auth-type-id-token-enabled": True,
        "auth-type-password-enabled": False,
        "auth-type-client-enabled": True,
        "auth-type-refresh-enabled": True,
        "jwks-show": True,
        "pkce-allowed": True,
        "introspection-revocation-allowed": True,
        "introspection-revocation-allow-target-client": True,
        "register-client-allowed": True,
        "register-client-management-allowed": True,
        "register-client-auth-scope": [],
        "register-client-credentials-scope": [],
    }
    script = UNPACKED / "usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
    database = sqlite3.connect(file)
    with database:
        database.executescript(gzip.decompress(script.read_bytes()).decode())
        database.execute(
            "INSERT INTO g_plugin_module_instance"
            " (gpmi_module, gpmi_name, gpmi_display_name, gpmi_parameters, gpmi_enabled)"
            " VALUES ('oidc', 'oidc', 'oidc', ?, 1)",
            [json.dumps(plugin)],
        )
        database.executescript(SCOPES)
    database.close()


def configuration(directory, port):
    modules = UNPACKED / "usr/lib/glewlwyd"
    return f"""
        bind_address = "127.0.0.1"
        port = {port}
        external_url = "{options.public_url}"
        login_url = "login.html"
        log_mode = "console"
        log_level = "WARNING"
        cookie_secure = 0
        hash_algorithm = "SHA512"
        response_allowed_compression = "deflate,gzip"
        user_module_path = "{modules}/user"
        client_module_path = "{modules}/client"
        user_auth_scheme_module_path = "{modules}/scheme"
        plugin_module_path = "{modules}/plugin"
        database = {{ type = "sqlite3" path = "{directory}/database" }};
    """


class Front(BaseHTTPRequestHandler):
    """Forward requests to glewlwyd, except for the login page."""

    protocol_version = "HTTP/1.1"

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urlsplit(self.path)
        if url.path == "/login.html":
            return self.log_in({name: values[0] for name, values in parse_qs(url.query).items()})
        if url.path in OBSERVED:
            line = {
                "path": url.path,
                "authorization": "Authorization" in self.headers,
                "parameters": list(parse_qs(body.decode(), keep_blank_values=True)),
            }
            print(json.dumps(line), file=sys.stderr, flush=True)
        self.answer(*self.ask(self.command, self.path, body, self.headers))

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_in(self, query):
        """Do what the script of the login page does."""
        if self.command == "GET":
            return self.answer(200, [("Content-Type", "text/html")], PAGE)
        credentials = json.dumps({"username": "admin", "password": "password"})
        json_type = {"Content-Type": "application/json"}
        _, fields, _ = self.ask("POST", "/api/auth/", credentials, json_type)
        cookies = [value for name, value in fields if name.lower() == "set-cookie"]
        session = {"Cookie": cookies[0].split(";")[0], **json_type}
        grant = json.dumps({"scope": query.get("scope", "")})
        self.ask("PUT", f"/api/auth/grant/{query['client_id']}", grant, session)
        location = ("Location", query["callback_url"] + "&g_continue")
        self.answer(302, [location, *(("Set-Cookie", cookie) for cookie in cookies)], b"")

    def ask(self, method, path, body, fields):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.inner)
        connection.request(method, path, body, fields)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, response.getheaders(), content

    def answer(self, status, fields, content):
        self.send_response_only(status)
        for name, value in fields:
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def wait(port):
    """Return as soon as glewlwyd accepts connections."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if glewlwyd.poll() is not None:
                sys.exit("glewlwyd ended")


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
host, port = options.listen.split(":")
with tempfile.TemporaryDirectory() as directory, ThreadingHTTPServer((host, int(port)), Front) as front:
    with socket.create_server(("127.0.0.1", 0)) as free:
        front.inner = free.getsockname()[1]
    fill_database(f"{directory}/database")
    Path(directory, "conf").write_text(configuration(directory, front.inner))
    program = [UNPACKED / "usr/bin/glewlwyd", f"--config-file={directory}/conf"]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as glewlwyd:
        try:
            wait(front.inner)
            print(f"listening on http://{options.listen}", flush=True)
            front.serve_forever()
        finally:
            glewlwyd.terminate()
