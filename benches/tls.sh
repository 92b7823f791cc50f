#!/usr/bin/env bash
# Measures pushes over TLS through nginx, beside floors of the same run, and prints Markdown.
# Usage: benches/tls.sh [BINARY]; needs nginx, openssl and a Rust compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
binary=$(realpath "${1:-target/release/amika}")
work=$(mktemp -d)
vault_port=${VAULT_PORT:-23921}
cleanup() {
  [ -f "$work/nginx.pid" ] && kill "$(cat "$work/nginx.pid")" 2>/dev/null
  [ -n "${vault-}" ] && kill "$vault" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
nginx=$(command -v nginx || echo /usr/sbin/nginx)

cargo build --quiet --locked --example dev_vault
echo 'fn main() {}' >"$work/bare.rs"
rustc -O -o "$work/bare" "$work/bare.rs"
cd "$work"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out own.pem -days 2 \
  -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE 2>/dev/null
# As large as the system's own bundle, because everybody pays for reading it.
cat /etc/ssl/certs/ca-certificates.crt own.pem >bundle.pem
server() {
  echo "server { listen 127.0.0.1:$1 $2; server_name localhost; ssl_certificate own.pem; ssl_certificate_key key.pem;
    location / { proxy_pass http://vault; proxy_http_version 1.1; proxy_set_header Connection \"\"; $3 } }"
}
cat >nginx.conf <<CONF
user root; worker_processes 1; pid nginx.pid; error_log error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u;
  scgi_temp_path s; limit_req_zone \$server_name zone=all:1m rate=200r/s;
  upstream vault { server 127.0.0.1:$vault_port; keepalive 64; }
  $(server $((vault_port + 1)) ssl '')
  $(server $((vault_port + 2)) 'ssl http2' '')
  $(server $((vault_port + 3)) 'ssl http2' 'limit_req zone=all; limit_req_status 429;')
}
CONF
"$nginx" -p "$work" -c nginx.conf

fresh_vault() {
  [ -n "${vault-}" ] && kill "$vault" && wait "$vault" 2>/dev/null || true
  "$root/target/debug/examples/dev_vault" "$vault_port" >vault.out &
  vault=$!
  until grep -q AMIKA_API_KEY vault.out; do sleep 0.05; done
}
for count in 1 1000; do
  for n in $(seq "$count"); do echo "NAME_$n=value-$n"; done >"$count.env"
done
TIMEFORMAT='%R %U %S'
# The median wall time and the mean CPU time of runs, in milliseconds.
row() {
  local label=$1 runs=$2 empty=$3
  shift 3
  : >times
  for _ in $(seq "$runs"); do
    [ "$empty" = empty ] && fresh_vault
    { time "$@" >/dev/null 2>>errors; } 2>>times || echo "$label: exit code $?" >&2
  done
  sort -n times | awk -v label="$label" '{ wall[NR] = $1; cpu += $2 + $3 }
    END { printf "| %s | %.1f | %.1f |\n", label, wall[int((NR + 1) / 2)] * 1000, cpu / NR * 1000 }'
}
fresh_vault
export AMIKA_API_KEY
export HOME=$work SSL_CERT_FILE=$work/bundle.pem
AMIKA_API_KEY=$(grep -o 'AMIKA_API_KEY=.*' vault.out | cut -d= -f2)
push() {
  AMIKA_API_URL=$1 "$binary" secret push --yes -q --from-file "$2"
}
h1=https://localhost:$((vault_port + 1)) h2=https://localhost:$((vault_port + 2)) limited=https://localhost:$((vault_port + 3))
echo "$(date -u +%F), $(nproc) cores of $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
echo "$("$binary" --version), $(stat -c %s "$binary") bytes"
echo
echo "| work | wall, ms | CPU, ms |"
echo "|---|---|---|"
row "\`true\`" 20 keep true
row "a bare Rust program" 20 keep ./bare
row "\`amika --help\`" 20 keep "$binary" --help
row "\`amika secret extract\`, empty home" 20 keep "$binary" secret extract
row "http push 1" 10 keep push "http://127.0.0.1:$vault_port" 1.env
row "TLS handshake and one request, \`curl\`" 10 keep curl -s --cacert bundle.pem "$h1/"
row "https push 1, HTTP/1.1" 10 keep push "$h1" 1.env
row "https push 1, HTTP/2" 10 keep push "$h2" 1.env
row "https push 1,000, HTTP/1.1" 3 empty push "$h1" 1000.env
row "https push 1,000, HTTP/2" 3 empty push "$h2" 1000.env
row "https push 1,000, HTTP/2, limit_req 200/s" 1 empty push "$limited" 1000.env
