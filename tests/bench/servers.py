"""The servers of the bench: how each is configured, started in the foreground and stopped.

Everything a server needs is written to a scratch folder, from the templates beside this file. A
server of the system with the same name is neither used nor touched.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Callable

HERE = os.path.dirname(os.path.abspath(__file__))

INSPIRCD_CAPS = "\n".join(
    f'<module name="{name}">'
    for name in ("cap", "services_account", "ircv3_ctctags", "ircv3_msgid", "ircv3_servertime",
                 "ircv3_accounttag"))
INSPIRCD_TLS = """<module name="ssl_gnutls">
<sslprofile name="bench" provider="gnutls" certfile="@DIR@/cert.pem" keyfile="@DIR@/key.pem">
<bind address="127.0.0.1" port="@TLS_PORT@" type="clients" sslprofile="bench">"""
NGIRCD_TLS = """
[SSL]
	CertFile = @DIR@/cert.pem
	KeyFile = @DIR@/key.pem
	Ports = @TLS_PORT@"""


@dataclass
class Server:
    name: str
    port: int                 # TLS: the next one
    find: Callable            # build folder -> path of the binary, or None
    command: Callable         # (binary, scratch folder, port) -> list
    template: str = ""        # the configuration, beside this file
    config: str = ""          # its name in the scratch folder
    caps_extra: str = ""      # what the configuration needs besides, for capabilities
    tls_extra: str = ""       # ... for TLS
    has_caps: bool = True
    has_tls: bool = True
    connecting: int = 8       # how many clients may connect at a time
    quiet: bool = False       # its stdout is a log that cannot be switched off


def package_binary(name):
    return lambda build: shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")


def built_binary(name):
    def find(build):
        path = os.path.join(build, name)
        return path if os.access(path, os.X_OK) else None
    return find


def inspircd_command(binary, scratch, port):
    command = [binary, "--nofork", "--nolog", "--nopid", "--config", f"{scratch}/inspircd.conf"]
    return command + (["--runasroot"] if os.getuid() == 0 else [])


def table(port):
    """The servers by name, in the order in which they take turns."""
    servers = [
        Server("floor", port, built_binary("tests/bench/floor"),
               lambda binary, scratch, at: [binary, str(at)], has_caps=False, has_tls=False),
        Server("godwit", port + 10, built_binary("godwit"),
               lambda binary, scratch, at: [binary, "-c", f"{scratch}/godwit.yaml"],
               template="godwit.yaml.in", config="godwit.yaml"),
        # It registers whoever waits once a second, so it needs many that wait; with more than this
        # its memory per client grows.
        Server("inspircd", port + 20, package_binary("inspircd"), inspircd_command,
               template="inspircd.conf.in", config="inspircd.conf",
               caps_extra=INSPIRCD_CAPS, tls_extra=INSPIRCD_TLS, connecting=100),
        # It listens with a backlog of ten, hence no more than eight at a time.
        Server("ngircd", port + 30, package_binary("ngircd"),
               lambda binary, scratch, at: [binary, "-n", "-f", f"{scratch}/ngircd.conf"],
               template="ngircd.conf.in", config="ngircd.conf", tls_extra=NGIRCD_TLS,
               has_caps=False, quiet=True),
    ]
    return {server.name: server for server in servers}


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def make_certificate(scratch):
    """One key and certificate (P-256) for those that do not make their own; ngIRCd gives up root
    before it reads them."""
    if os.path.exists(f"{scratch}/cert.pem"):
        return
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=bench.example.net", "-keyout", f"{scratch}/key.pem", "-out",
                    f"{scratch}/cert.pem"], check=True, capture_output=True)
    os.chmod(f"{scratch}/key.pem", 0o644)


def write_config(server, scratch, caps, tls):
    if not server.template:
        return
    with open(os.path.join(HERE, server.template)) as file:
        text = file.read()
    extra = (server.caps_extra if caps else "") + (server.tls_extra if tls else "")
    text = text.replace("@EXTRA@", extra)
    for key, value in (("DIR", scratch), ("TLS_PORT", server.port + 1), ("PORT", server.port)):
        text = text.replace(f"@{key}@", str(value))
    write(f"{scratch}/motd", "The bench.\n")
    write(f"{scratch}/{server.config}", text)
    if tls and server.tls_extra:
        make_certificate(scratch)


def bound_to(cpu):
    """What a process does before it begins: it keeps to that core, if one is given."""
    return lambda: cpu is None or os.sched_setaffinity(0, {cpu})


def wait_listening(process, name, port, log=lambda: "", seconds=20):
    """Until the process can be connected to; polls, as another program gives nothing to wait on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)  # as above: nothing to wait on
    raise RuntimeError(f"{name} does not listen on port {port}\n{log()}")


def last_lines(path, lines=20):
    with open(path, errors="replace") as file:
        return "".join(file.readlines()[-lines:])


def end(process, name):
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        print(f"{name} had to be killed", file=sys.stderr)
        process.kill()
        process.wait()


class Running:
    """A started server; use it in a with statement."""

    def __init__(self, server, binary, scratch, cpu, caps=False, tls=False, arguments=()):
        self.server = server
        self.log_path = f"{scratch}/{server.name}.log"
        shutil.rmtree(f"{scratch}/state", ignore_errors=True)
        write_config(server, scratch, caps, tls)
        log = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            server.command(binary, scratch, server.port) + list(arguments), cwd=scratch,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if server.quiet else log,
            stderr=log, preexec_fn=bound_to(cpu))
        log.close()

    def wait_ready(self, port):
        wait_listening(self.process, self.server.name, port, self.log)

    def log(self):
        return last_lines(self.log_path)

    def stop(self):
        """Returns what it printed, and complains if it did not live until now."""
        if self.process.poll() is not None:
            print(f"{self.server.name} ended by itself ({self.process.returncode})\n{self.log()}",
                  file=sys.stderr)
        else:
            end(self.process, self.server.name)
        return self.log()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
