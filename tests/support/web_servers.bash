# shellcheck shell=bash
# Real servers for the tests, each on a port of its own that the system chose or that was free, ended by their pids.
#   load helpers; source "$HX_ROOT/tests/support/web_servers.bash"
# start_… keeps what it starts in $server_dir (default: the test file's directory), so that one server may serve a file
# of tests: setup_file() starts it, teardown_file() calls stop_servers.

server_dir() { echo "${BATS_FILE_TMPDIR:?}"; }
# wait_for COMMAND…: until it succeeds; half a minute at most.
wait_for() {
  local attempt
  for attempt in {1..600}; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    read -rt 0.05 <> <(:) || true
  done
  echo "still not so after attempt $attempt: $*" >&2
  return 1
}
# free_port: one that nobody listens on. A server that wants to be told one may still lose it: then it says so.
free_port() {
  /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
remember_pid() { echo "$1" >>"$(server_dir)/pids"; }
stop_servers() {
  local pid
  [ -f "$(server_dir)/pids" ] || return 0
  while read -r pid; do
    kill "$pid" 2>/dev/null || continue
    wait_for eval "! kill -0 $pid" || kill -9 "$pid"
  done < <(tac "$(server_dir)/pids")
}

# certificate NAME: NAME.pem and NAME.key, for localhost, signed by itself.
certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$1.key" -out "$1.pem" 2>/dev/null
}

# start_bad_server FILE: tests/servers/bad_http_server; $(server_dir)/bad/{port,log}.
start_bad_server() {
  local dir
  dir=$(server_dir)/bad
  mkdir -p "$dir"
  "$HX_ROOT/tests/servers/bad_http_server" "$1" "$dir" >"$dir/out" 2>&1 3>&- &
  remember_pid $!
  wait_for test -s "$dir/port"
}

# serve_bad_disk, bad_disk: for setup_file() and setup() of a file whose tests fetch $disk from the bad server at $url.
serve_bad_disk() {
  cd "$BATS_FILE_TMPDIR" || return 1
  make_dense disk.img 9M
  start_bad_server disk.img
}
bad_disk() {
  port=$(<"$BATS_FILE_TMPDIR/bad/port")
  url=http://127.0.0.1:$port
  disk=$BATS_FILE_TMPDIR/disk.img
  export port url disk
}

# start_nginx ROOT: over TLS at https://localhost:$(port_of nginx)/, /slow/ capped at 8 MB a second a connection, and in
# the clear at http://127.0.0.1:$(port_of nginx-plain)/. The CA is $(server_dir)/nginx/tls.pem, the log access.log.
start_nginx() {
  local dir port plain
  dir=$(server_dir)/nginx
  mkdir -p "$dir"
  certificate "$dir/tls"
  port=$(free_port) plain=$(free_port)
  cat >"$dir/nginx.conf" <<END
worker_processes 2; pid $dir/pid; error_log $dir/error.log; daemon off;
events { worker_connections 256; }
http {
  access_log $dir/access.log; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5; default_type application/octet-stream; sendfile on;
  server {
    listen 127.0.0.1:$port ssl; listen 127.0.0.1:$plain; root $1;
    ssl_certificate $dir/tls.pem; ssl_certificate_key $dir/tls.key;
    location /slow/ { alias $1/; limit_rate 8m; }
    location /secret/ { alias $1/; auth_basic x; auth_basic_user_file $dir/users; }
  }
}
END
  printf 'reader:%s\n' "$(openssl passwd -apr1 planted-password)" >"$dir/users"
  [ "$(id -u)" -ne 0 ] || sed -i '1s/^/user root; /' "$dir/nginx.conf"
  echo "$port" >"$dir/port"
  echo "$plain" >"$dir/plain-port"
  nginx -c "$dir/nginx.conf" >"$dir/out" 2>&1 3>&- &
  remember_pid $!
  wait_for curl -s --cacert "$dir/tls.pem" "https://localhost:$port/" -o "$dir/nothing"
}

# nginx_here: for setup() of a file whose setup_file() has started it with "$BATS_FILE_TMPDIR/root": $dir, $root, $ca,
# $url over TLS and $plain in the clear.
nginx_here() {
  require nginx openssl curl
  dir=$BATS_FILE_TMPDIR/nginx
  root=$BATS_FILE_TMPDIR/root
  url=https://localhost:$(<"$dir/port")
  plain=http://127.0.0.1:$(<"$dir/plain-port")
  ca=$dir/tls.pem
  export dir root url plain ca
}

# start_sshd: of the user who runs the tests, by a key of its own; $(server_dir)/sshd/{port,id,known_hosts}.
start_sshd() {
  local dir port
  dir=$(server_dir)/sshd
  mkdir -p "$dir"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/id"
  cp "$dir/id.pub" "$dir/authorized"
  port=$(free_port)
  [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
  cat >"$dir/config" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host
AuthorizedKeysFile $dir/authorized
PidFile $dir/pid
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
END
  echo "$port" >"$dir/port"
  echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$dir/host.pub")" >"$dir/known_hosts"
  /usr/sbin/sshd -D -f "$dir/config" -E "$dir/log" 3>&- &
  remember_pid $!
  wait_for ssh-keyscan -p "$port" 127.0.0.1
}
