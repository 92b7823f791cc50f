#!/usr/bin/env python3
"""Measures the program beside another build of it, and prints Markdown.

    benches/bench.py work     start-up, extract and pushes: medians of 30 runs
    benches/bench.py limits   pushes through the rate limits of a real nginx

The program is AMIKA or target/release/amika; the other build is AMIKA_BASELINE, without which only the
program is measured. Both run alternately, so that load on the machine affects them alike. Needs nginx and
openssl; `work` also needs `cargo build --release --example dev_vault`.
"""

import concurrent.futures
import datetime
import math
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PROGRAM = os.environ.get("AMIKA", str(RELEASE / "amika"))
BASELINE = os.environ.get("AMIKA_BASELINE")
KEY = "amk_test_5f1c0a7e9b3d4c2f8a6e"  # The key that the development vault accepts.
PORT = int(os.environ.get("BENCH_PORT", "23920"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
AT_ONCE = int(os.environ.get("BENCH_AT_ONCE", "4"))
STATIC, H1, H2, SLOW_H1, SLOW_H2, SLOW, FIRST_LIMIT = range(7)
LISTEN = {"HTTP/1.1": "ssl", "HTTP/2": "ssl http2"}


class Limit:
    """A limit_req of nginx: requests a second, burst, status, Retry-After, protocol."""

    def __init__(self, index, rate, burst, status, wait, protocol):
        self.index, self.rate, self.burst, self.status, self.wait = index, rate, burst, status, wait
        self.protocol, self.port = protocol, PORT + FIRST_LIMIT + index
        # A second write a second, and at least as many as make a wait worth it.
        self.count = burst + max(5 * rate, 60)
        self.need = (self.count - burst) / rate

    def configuration(self):
        value = {"date": '"$today $minute:$second GMT"', None: ""}.get(self.wait, str(self.wait))
        header = f"add_header Retry-After {value} always;" if value else ""
        return (
            f"limit_req_zone $server_name zone=z{self.index}:1m rate={self.rate}r/s;"
            f"server {{ listen 127.0.0.1:{self.port} {LISTEN[self.protocol]}; {TLS} access_log {self.index}.log brief;"
            f" location / {{ limit_req zone=z{self.index} burst={self.burst} nodelay; limit_req_status {self.status};"
            f" error_page {self.status} = @busy; {PROXY} }} location @busy {{ {header} return {self.status}; }} }}"
        )


TLS = "server_name localhost; ssl_certificate own.pem; ssl_certificate_key key.pem; keepalive_requests 1000000;"
PROXY = 'proxy_pass http://static; proxy_http_version 1.1; proxy_set_header Connection "";'


def limits():
    """Every rate with every kind of Retry-After and three bursts; status and protocol alternate."""
    found = []
    for rate in (10, 20, 50, 200, 1000):
        for burst in (1, max(rate // 4, 2), rate):
            for wait in (None, 0, 1, 2, "date"):
                n = len(found)
                found.append(Limit(n, rate, burst, (429, 503)[n % 2], wait, tuple(LISTEN)[n // 2 % 2]))
    return found


def nginx_configuration(limited):
    """nginx as a vault without latency, as a gateway in front of vaults, and as a gateway with limits."""
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y")
    seconds = "".join(f'"~:{n:02}\\+" {min(n + 1, 59):02};' for n in range(60))
    gateways = "".join(
        f"server {{ listen 127.0.0.1:{PORT + port} {listen}; {TLS} location / {{ {PROXY.replace('static', upstream)} }} }}"
        for port, listen, upstream in [
            (H1, "ssl", "static"), (H2, "ssl http2", "static"), (SLOW_H1, "ssl", "slow"), (SLOW_H2, "ssl http2", "slow")]
    )
    return (
        "user root; worker_processes 1; pid nginx.pid; error_log /dev/null; worker_rlimit_nofile 8192;"
        "events { worker_connections 4096; } http { log_format brief '$status'; access_log off;"
        "client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;"
        f'map $time_iso8601 $minute {{ "~T(?<hm>\\d\\d:\\d\\d):" $hm; }} map $time_iso8601 $second {{ {seconds} }}'
        f'map $status $today {{ default "{today}"; }}'
        f"upstream static {{ server 127.0.0.1:{PORT + STATIC}; keepalive 64; }}"
        f"upstream slow {{ server 127.0.0.1:{PORT + SLOW}; keepalive 64; }}"
        f"server {{ listen 127.0.0.1:{PORT + STATIC}; default_type application/json; keepalive_requests 1000000;"
        " location / { if ($request_method = GET) { return 200 '[]'; } return 201 '{\"id\":\"sec_1\"}'; } }"
        + gateways + "".join(limit.configuration() for limit in limited) + "}"
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
    def __init__(self, work):
        self.work, self.children = work, []
        self.environment = {
            "HOME": str(work), "PATH": os.environ["PATH"], "SSL_CERT_FILE": str(work / "bundle.pem"),
            "AMIKA_API_KEY": KEY, "AMIKA_KEYCHAIN": "off",
        }

    def serve(self, limited):
        key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 2"
        subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE"
        command = ["openssl", "req", "-x509", *key.split(), *subject.split()]
        subprocess.run(command, check=True, cwd=self.work, stderr=subprocess.DEVNULL)
        # Includes the system's bundle, because every client reads a bundle of this size.
        system = Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
        (self.work / "bundle.pem").write_bytes(system + (self.work / "own.pem").read_bytes())
        (self.work / "nginx.conf").write_text(nginx_configuration(limited))
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.spawn([nginx, "-p", str(self.work), "-c", "nginx.conf", "-g", "daemon off;"], {"TZ": "UTC"})
        wait_for(PORT + H1)

    def spawn(self, command, environment):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.children.append(subprocess.Popen(command, env={**os.environ, **environment}, **quiet))
        return self.children[-1]

    def slow_vault(self):
        """Starts a vault that stores secrets and answers after 20 ms. Each push needs an empty one."""
        if len(self.children) > 1:
            last = self.children.pop()
            last.terminate()
            last.wait()
        self.spawn([str(RELEASE / "examples/dev_vault"), str(PORT + SLOW), "20"], {})
        wait_for(PORT + SLOW)

    def stop(self):
        for child in self.children:
            child.terminate()
            child.wait()

    def push(self, port, count):
        path = self.work / f"{count}.env"
        if not path.exists():
            path.write_text("".join(f"NAME_{n}=value-{n}\n" for n in range(count)))
        return ["secret", "push", "--yes", "--from-file", str(path)], {"AMIKA_API_URL": f"https://localhost:{port}"}

    def once(self, program, arguments, environment, exits=(0,)):
        """Runs a command once; its wall and CPU time in milliseconds, and its exit code."""
        devnull = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
        started = time.perf_counter()
        child = os.posix_spawn(program, [program, *arguments], {**self.environment, **environment}, file_actions=devnull)
        _, status, usage = os.wait4(child, 0)
        wall = time.perf_counter() - started
        code = os.waitstatus_to_exitcode(status)
        if code not in exits:
            print(f"exit {code}: {program} {' '.join(arguments)}", file=sys.stderr)
        return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, code


def programs():
    return [PROGRAM] + ([BASELINE] if BASELINE else [])


def work(bench):
    """Start-up, extract and pushes."""
    print("| work | wall, ms | before | ratio | CPU, ms | before | ratio |\n|---|---|---|---|---|---|---|")
    home = {"HOME": str(laptop(bench.work))}
    for label, rounds, arguments, environment, is_slow in [
        ("`--version`", ROUNDS, ["--version"], {}, False),
        ("`--help`", ROUNDS, ["--help"], {}, False),
        ("`secret push -h`", ROUNDS, ["secret", "push", "-h"], {}, False),
        ("`secret extract`, empty home", ROUNDS, ["secret", "extract"], {}, False),
        ("`secret extract`, all tools", ROUNDS, ["secret", "extract"], home, False),
        ("push 1, HTTP/1.1", ROUNDS, *bench.push(PORT + H1, 1), False),
        ("push 1, HTTP/2", ROUNDS, *bench.push(PORT + H2, 1), False),
        ("push 1, 20 ms, HTTP/2", ROUNDS, *bench.push(PORT + SLOW_H2, 1), True),
        ("push 1,000, HTTP/1.1", ROUNDS, *bench.push(PORT + H1, 1000), False),
        ("push 1,000, HTTP/2", ROUNDS, *bench.push(PORT + H2, 1000), False),
        ("push 1,000, 20 ms, HTTP/1.1", ROUNDS, *bench.push(PORT + SLOW_H1, 1000), True),
        ("push 1,000, 20 ms, HTTP/2", ROUNDS, *bench.push(PORT + SLOW_H2, 1000), True),
        ("push 10,000, HTTP/2", ROUNDS // 3 + 1, *bench.push(PORT + H2, 10_000), False),
    ]:
        runs = {program: [] for program in programs()}
        for _ in range(rounds):
            for program, results in runs.items():
                if is_slow:
                    bench.slow_vault()
                results.append(bench.once(program, arguments, environment)[:2])
        cells = []
        for values in zip(*([statistics.median(column) for column in zip(*results)] for results in runs.values())):
            now, before = values[0], values[-1]
            cells.append(f"{now:.1f} | {before:.1f} | {now / before:.2f}" if BASELINE else f"{now:.1f} | | ")
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


def laptop(work):
    """A home with a credential of every tool."""
    home = work / "laptop"
    for path, content in {
        ".claude.json": '{"primaryApiKey":"sk-ant-x"}',
        ".codex/auth.json": '{"OPENAI_API_KEY":"x"}',
        ".cache/amika/env-cache.json": '{"MISTRAL_API_KEY":"x"}',
        ".local/share/opencode/auth.json": '{"openrouter":{"type":"api","key":"x"}}',
        ".local/share/amp/secrets.json": '{"apiKey@https://ampcode.com/":"x"}',
    }.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_text(content)
    return home


def measure(bench, limit):
    """Pushes through one limit: for each program the seconds, the share of refused requests, the code."""
    log = bench.work / f"{limit.index}.log"
    results = []
    for program in programs():
        time.sleep(limit.burst / limit.rate + 0.2)  # The bucket is full again.
        before = log.read_text().count("\n")
        # A run that gives up is part of the result.
        wall, _, code = bench.once(program, *bench.push(limit.port, limit.count), exits=range(256))
        time.sleep(0.1)
        statuses = log.read_text().splitlines()[before:]
        refused = sum(status == str(limit.status) for status in statuses)
        results.append((wall / 1000, refused / max(len(statuses), 1), code))
    return limit, results


def limits_table(bench, limited):
    head = "| rate, burst | Retry-After | status, protocol | secrets | limit, s | took, s | ratio | refused |"
    print(head + (" before, s | exit |" if BASELINE else "") + "\n|" + "---|" * (10 if BASELINE else 8))
    ratios, shares, unfinished = [], [], 0
    for limit in limited:
        bench.push(limit.port, limit.count)  # Writes the file, which several pushes read at once.
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for limit, results in pool.map(lambda limit: measure(bench, limit), limited):
            took, share, code = results[0]
            wait = {"date": 1, None: 0}.get(limit.wait, limit.wait)
            # One wait is unavoidable, and a second one does not weigh on little work.
            waits = wait * (2 if limit.need < 4 * wait else 1)
            ratio = max(took - waits, 0) / limit.need
            ratios.append(ratio)
            unfinished += code != 0
            if limit.count >= 500:
                shares.append(share)
            row = (
                f"| {limit.rate}/s, {limit.burst} | {'' if limit.wait is None else limit.wait} | {limit.status},"
                f" {limit.protocol} | {limit.count} | {limit.need:.1f} | {took:.1f} | {ratio:.2f} | {share:.0%} |"
            )
            if BASELINE:
                row += f" {results[1][0]:.1f} | {results[1][2]} |"
            print(row, flush=True)
    ratios.sort()
    print(
        f"\n{len(ratios)} limits, {unfinished} not finished. Ratio of the time without one Retry-After (two if the limit needs less than four) to the time of the limit: median"
        f" {statistics.median(ratios):.2f}, nine in ten {ratios[math.ceil(len(ratios) * 0.9) - 1]:.2f}, worst"
        f" {ratios[-1]:.2f}; {sum(ratio > 1.6 for ratio in ratios)} above 1.6."
        + (f" Of 500 secrets or more: at most {max(shares):.0%} refused." if shares else "")
    )


def main():
    what = sys.argv[1] if len(sys.argv) > 1 else ""
    if what not in ("work", "limits"):
        sys.exit(__doc__)
    only = re.compile(os.environ.get("BENCH_ONLY", ""))
    limited = [limit for limit in limits() if only.search(f"{limit.rate}/{limit.burst}/{limit.wait}")] if what == "limits" else []
    model = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    print(f"{datetime.date.today()}, {os.cpu_count()} cores of {model}, load {os.getloadavg()[0]:.1f};", end=" ")
    print(", ".join(f"{os.path.getsize(program)} bytes" for program in programs()) + ".\n")
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        try:
            bench.serve(limited)
            work(bench) if what == "work" else limits_table(bench, limited)
        finally:
            bench.stop()


if __name__ == "__main__":
    main()
