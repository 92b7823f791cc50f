#!/usr/bin/env python3
"""Measures start-up and pushes over TLS through nginx, with reference programs, and prints Markdown.

Usage: benches/tls.py [BINARY]; needs nginx, openssl and Rust. Rows whose tool (go, strace) is not
installed are left out. The commands of a group run alternately, so that load on the machine affects
all of them; the table has the median of their runs.
"""

import datetime
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
KEY = "amk_test_5f1c0a7e9b3d4c2f8a6e"  # The key that the development vault accepts.
PORT = int(os.environ.get("BENCH_PORT", "23920"))
# The ports of the servers, relative to PORT.
VAULT, H1, H2, SLOW_H1, SLOW_H2, TENTH = range(6)
VAULT_20, VAULT_100, SLOW_100 = 6, 7, 8
HOSTS = {"http": "127.0.0.1", "https": "localhost"}
LIMITS = [  # rate, burst, status, listen
    (200, "", 429, "ssl http2"),
    (200, "", 503, "ssl"),
    (50, "", 429, "ssl http2"),
    (1000, "", 429, "ssl http2"),
    (200, "burst=20 nodelay", 429, "ssl http2"),
    (200, "burst=20", 503, "ssl"),
]
FIRST_LIMIT = 9


def nginx_configuration():
    """nginx as a vault without latency, and as the gateway in front of all vaults."""
    tls = "server_name localhost; ssl_certificate own.pem; ssl_certificate_key key.pem;"
    proxy = 'proxy_http_version 1.1; proxy_set_header Connection "";'
    upstreams = {"vault": VAULT, "slow": VAULT_20, "slower": VAULT_100}
    blocks = [f"upstream {name} {{ server 127.0.0.1:{PORT + port}; keepalive 64; }}" for name, port in upstreams.items()]

    def gateway(port, listen, upstream, directives=""):
        blocks.append(
            f"server {{ listen 127.0.0.1:{PORT + port} {listen}; {tls} keepalive_requests 1000000;"
            f" location / {{ {directives} proxy_pass http://{upstream}; {proxy} }} }}"
        )

    blocks.append(
        f"server {{ listen 127.0.0.1:{PORT + VAULT}; default_type application/json; keepalive_requests 1000000;"
        " access_log off; location / { if ($request_method = GET) { return 200 '[]'; }"
        """ return 201 '{"id":"sec_1"}'; } }"""
    )
    gateway(H1, "ssl", "vault")
    gateway(H2, "ssl http2", "vault")
    gateway(SLOW_H1, "ssl", "slow")
    gateway(SLOW_H2, "ssl http2", "slow")
    gateway(SLOW_100, "ssl http2", "slower")
    blocks.append("map $connection_requests $tenth { default 0; ~0$ 1; }")
    gateway(TENTH, "ssl http2", "slow", "if ($tenth) { return 429; }")
    for n, (rate, burst, status, listen) in enumerate(LIMITS):
        blocks.append(f"limit_req_zone $server_name zone=z{n}:1m rate={rate}r/s;")
        gateway(FIRST_LIMIT + n, listen, "vault", f"limit_req zone=z{n} {burst}; limit_req_status {status};")
    return (
        "user root; worker_processes 1; pid nginx.pid; error_log /dev/null; worker_rlimit_nofile 4096;"
        "events { worker_connections 2048; } http { log_format short '$connection $request_length $bytes_sent';"
        "access_log access.log short; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3;"
        "uwsgi_temp_path t4; scgi_temp_path t5;" + "\n".join(blocks) + "}"
    )


def wait_for(port):
    """Waits until a server accepts connections."""
    for _ in range(1000):
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    sys.exit(f"nothing listens on port {port}")


class Bench:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.environment = {
            "HOME": str(work),
            "PATH": os.environ["PATH"],
            "SSL_CERT_FILE": str(work / "bundle.pem"),
            "AMIKA_API_KEY": KEY,
            "AMIKA_KEYCHAIN": "off",
        }
        self.children = []
        self.vaults = {}

    def build(self):
        run = lambda *command: subprocess.run(command, check=True, cwd=ROOT)
        run("cargo", "build", "--quiet", "--locked", "--release", "--example", "dev_vault", "--example", "lean_client")
        (self.work / "bare.rs").write_text("fn main() {}\n")
        run("rustc", "-O", "-o", str(self.work / "bare"), str(self.work / "bare.rs"))
        if shutil.which("go"):
            run("go", "build", "-o", str(self.work / "go_client"), "benches/go_client.go")

    def serve(self):
        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 2"
        subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE"
        command = ["openssl", "req", "-x509", *key.split(), *subject.split()]
        subprocess.run(command, check=True, cwd=self.work, stderr=subprocess.DEVNULL)
        # Includes the system's bundle, because every client reads a bundle of this size.
        system = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
        (self.work / "bundle.pem").write_bytes(system + (self.work / "own.pem").read_bytes())
        (self.work / "nginx.conf").write_text(nginx_configuration())
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.spawn(nginx, "-p", str(self.work), "-c", "nginx.conf", "-g", "daemon off;")
        wait_for(PORT + H1)

    def spawn(self, *command):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.children.append(child)
        return child

    def stop(self):
        for child in self.children:
            child.terminate()
            child.wait()

    def empty_vault(self, port, delay):
        """Starts a vault that stores secrets, and stops its predecessor: a vault that still had the
        secrets of earlier runs would list them all."""
        if port in self.vaults:
            self.vaults[port].terminate()
            self.vaults[port].wait()
        self.vaults[port] = self.spawn(str(TARGET / "release/examples/dev_vault"), str(PORT + port), str(delay))
        wait_for(PORT + port)

    def env_file(self, count):
        path = self.work / f"{count}.env"
        if not path.exists():
            path.write_text("".join(f"NAME_{n}=value-{n}\n" for n in range(count)))
        return str(path)

    def push(self, port, count, scheme="https"):
        command = [self.binary, "secret", "push", "--yes", "-q", "--from-file", self.env_file(count)]
        return self.with_vault(port, command), {"AMIKA_API_URL": f"{scheme}://{HOSTS[scheme]}:{PORT + port}"}

    def lean(self, port, count, jobs):
        client = str(TARGET / "release/examples/lean_client")
        command = [client, str(PORT + port), str(self.work / "own.pem"), str(count), str(jobs)]
        return (lambda: command), {}

    def go(self, port, count, scheme="https"):
        client, origin = str(self.work / "go_client"), f"{scheme}://{HOSTS[scheme]}:{PORT + port}"
        return self.with_vault(port, [client, origin, self.env_file(count)]), {}

    def with_vault(self, port, command):
        """Returns a function that prepares an empty vault if the gateway at `port` has a slow one, and
        returns the command."""
        slow = {SLOW_H1: (VAULT_20, 20), SLOW_H2: (VAULT_20, 20), TENTH: (VAULT_20, 20), SLOW_100: (VAULT_100, 100)}

        def prepare():
            if port in slow:
                self.empty_vault(*slow[port])
            return command

        return prepare

    def once(self, command, environment):
        """Runs a command once and returns its wall and CPU time in milliseconds."""
        arguments = command()
        devnull = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        started = time.perf_counter()
        path = shutil.which(arguments[0])
        child = os.posix_spawn(path, arguments, {**self.environment, **environment}, file_actions=devnull)
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - started
        if status:
            print(f"exit {os.waitstatus_to_exitcode(status)}: {' '.join(arguments)}", file=sys.stderr)
        return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000

    def resources(self, command, environment):
        """Peak memory in MiB, system calls, and the connections and bytes that nginx logged."""
        log, memory, calls = (self.work / name for name in ("access.log", "memory", "calls"))
        os.truncate(log, 0)
        timed = shutil.which("time")
        # Not from wait4, which includes the memory of this interpreter before the exec.
        wrapper = [timed, "-q", "-f", "%M", "-o", str(memory)] if timed else []
        self.once(lambda: wrapper + command(), environment)
        peak = f"{int(memory.read_text()) / 1024:.1f}" if timed else ""
        time.sleep(0.2)
        lines = [line.split() for line in log.read_text().splitlines()]
        connections = len({connection for connection, _, _ in lines})
        size = sum(int(request) + int(answer) for _, request, answer in lines)
        total = ""
        if shutil.which("strace"):
            strace = ["strace", "-f", "-c", "-qq", "-o", str(calls)]
            self.once(lambda: strace + command(), environment)
            total = next(line.split()[3] for line in calls.read_text().splitlines() if line.endswith("total"))
        return peak, total, connections or "", size or ""

    def group(self, rounds, rows, resources=True):
        """Prints one row per command; the commands run alternately."""
        results = [[] for _ in rows]
        for _ in range(rounds):
            for result, (_, (command, environment)) in zip(results, rows):
                result.append(self.once(command, environment))
        for result, (label, (command, environment)) in zip(results, rows):
            wall, cpu = (statistics.median(values) for values in zip(*result))
            peak, calls, connections, size = self.resources(command, environment) if resources else [""] * 4
            print(f"| {label} | {wall:.1f} | {cpu:.1f} | {peak} | {calls} | {connections} | {size} |", flush=True)


def main():
    binary = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else TARGET / "release/amika")
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(binary, Path(directory))
        bench.build()
        try:
            bench.serve()
            report(bench)
        finally:
            bench.stop()


def report(bench):
    binary = bench.binary
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    print(f"{datetime.date.today()}, {os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f}.")
    version = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.strip()
    print(f"{version}, {os.path.getsize(binary)} bytes.\n")
    print("| work | wall, ms | CPU, ms | memory, MiB | system calls | connections | bytes |")
    print("|---|---|---|---|---|---|---|")
    plain = lambda *command: ((lambda: list(command)), {})
    bench.group(31, [
        ("`true`", plain("true")),
        ("a bare Rust program", plain(str(bench.work / "bare"))),
        ("`amika --help`", plain(binary, "--help")),
        ("`amika secret extract`, empty home", plain(binary, "secret", "extract")),
    ])
    has_go = (bench.work / "go_client").exists()
    go = lambda label, *arguments, **rest: [(f"{label}, Go client", bench.go(*arguments, **rest))] if has_go else []
    bench.group(21, [
        ("http push 1", bench.push(VAULT, 1, "http")),
        *go("http push 1", VAULT, 1, scheme="http"),
        ("https push 1, HTTP/1.1", bench.push(H1, 1)),
        ("https push 1, HTTP/2", bench.push(H2, 1)),
        ("https push 1, minimal client", bench.lean(H1, 1, 1)),
        *go("https push 1", H2, 1),
    ])
    bench.group(9, [
        ("https push 1, 20 ms, HTTP/1.1", bench.push(SLOW_H1, 1)),
        ("https push 1, 20 ms, HTTP/2", bench.push(SLOW_H2, 1)),
        *go("https push 1, 20 ms", SLOW_H2, 1),
        ("https push 1, 100 ms, HTTP/2", bench.push(SLOW_100, 1)),
    ])
    bench.group(5, [
        ("https push 1,000, HTTP/1.1", bench.push(H1, 1000)),
        ("https push 1,000, HTTP/2", bench.push(H2, 1000)),
        ("https push 1,000, minimal client, 64 connections", bench.lean(H1, 1000, 64)),
        *go("https push 1,000", H2, 1000),
    ])
    bench.group(3, [
        ("https push 1,000, 20 ms, HTTP/1.1", bench.push(SLOW_H1, 1000)),
        ("https push 1,000, 20 ms, HTTP/2", bench.push(SLOW_H2, 1000)),
        ("https push 1,000, 20 ms, every tenth response 429", bench.push(TENTH, 1000)),
        ("https push 1,000, 100 ms, HTTP/2", bench.push(SLOW_100, 1000)),
    ])
    for n, (rate, burst, status, listen) in enumerate(LIMITS):
        count = 1000 if rate > 50 else 250
        protocol = "HTTP/2" if "http2" in listen else "HTTP/1.1"
        limit = " ".join(filter(None, [f"{rate}/s", burst]))
        label = f"https push {count:,}, {protocol}, `limit_req` {limit}, {status} (allows {count / rate:.1f} s)"
        bench.group(1, [(label, bench.push(FIRST_LIMIT + n, count))], resources=False)
    bench.group(1, [(f"https push {n:,}, HTTP/2", bench.push(H2, n)) for n in (10, 100, 10_000, 100_000)])


if __name__ == "__main__":
    main()
