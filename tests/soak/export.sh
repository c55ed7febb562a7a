#!/usr/bin/env bash
# Exports from web, SSH and object servers, killed, interrupted and cut at random moments: always the right bytes
# HX_KILLS: SIGKILLs of each server's (50), besides those that are interrupted, or whose server goes away. The web
# server's log tells how much was fetched twice.
set -euo pipefail
command -v nginx >/dev/null || { echo 'nginx is not installed'; exit 77; }
export HX_ROOT=${HX_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)} BATS_FILE_TMPDIR=$PWD PATH="$HX_BIN:$PATH:/usr/sbin"
export HOME=$PWD/home XDG_CONFIG_HOME=$PWD/home/.config
# shellcheck source=tests/support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"
trap stop_servers EXIT
RANDOM=$((${HX_SEED:-1} % 32768))
wanted=${HX_KILLS:-50} names='a b c'
mkdir -p root home/.ssh
for name in $names; do head -c $((9000000 + RANDOM * 50)) /dev/urandom >"root/$name.img"; done
total=$(cat root/*.img | wc -c)
options=(-q --name vm --connections 2 -j 3 --checkpoint-interval 0.1s --retries 0)

check() {  # what has its final name
  local name
  for name in $names; do [ ! -e "out/$name.img" ] || cmp "out/$name.img" "root/$name.img"; done
}
cut_nginx() { kill "$(<nginx/pid)"; }
start_again() {
  wait_for eval '! kill -0 "$(<nginx/pid)"'
  nginx -c "$PWD/nginx/nginx.conf" >>nginx/out 2>&1 &
  remember_pid $!
  wait_for curl -s "http://127.0.0.1:$(<nginx/plain-port)/" -o nothing
}

# one_end HOW: a run that is ended so after up to a second; whether it was.
one_end() {
  local run result=0
  env --default-signal=INT hx-export "${options[@]}" --limit-rate 16MB "${locations[@]}" -d out >log 2>&1 &
  run=$!
  read -rt "0.$((RANDOM % 9))$((RANDOM % 10))" <> <(:) || true
  case $1 in
    KILL | INT) kill -"$1" $run 2>/dev/null || true ;;
    cut) cut_nginx ;;
  esac
  { wait $run || result=$?; } 2>/dev/null # what the shell says of a killed one is known
  [ "$1" != cut ] || start_again
  case $1,$result in
    KILL,137 | INT,130 | cut,5) return 0 ;;
    *,0) return 1 ;;  # it was done before
  esac
  echo "status $result after $1:"
  cat log
  exit 1
}

# soak_source SERVER HOW…
soak_source() {
  local server=$1 kills=0 ends=0 bound=0 how
  shift
  rm -rf out
  : >nginx/access.log
  while [ $kills -lt "$wanted" ]; do
    how=$(($# > 1 ? RANDOM % $# : 0)) how=${*:how+1:1}
    if one_end "$how"; then
      ends=$((ends + 1))
      [ "$how" != KILL ] || kills=$((kills + 1))
      # An interval and its save; what was on its way of each worker, and what it had and was not saved.
      bound=$((bound + 3200000 + 2 * 6 * 2000000))
      check
      [ $((ends % 5)) -eq 0 ] || continue
      hx-export "${options[@]}" "${locations[@]}" -d out
    fi
    for name in $names; do cmp "out/$name.img" "root/$name.img"; done
    [ "$(ls -A out)" = $'a.img\nb.img\nc.img' ] || { echo "left: $(ls -A out)"; exit 1; }
    bound=$((bound + total + 1000000))
    rm -rf out
  done
  if [ "$server" = https ]; then
    sent=$(awk '$9 ~ /^20/ { sum += $10 } END { print sum + 0 }' nginx/access.log)
    [ "$sent" -le $((bound + total)) ] || { echo "$sent bytes were sent, more than $bound"; exit 1; }
    echo "$server: $kills kills of $ends ends, $sent bytes sent, at most $((bound + total)) are due"
  else
    echo "$server: $kills kills of $ends ends"
  fi
}

start_nginx "$PWD/root"
port=$(<nginx/port)
options+=(--cacert "$PWD/nginx/tls.pem")
locations=("https://localhost:$port"/{a,b,c}.img)
soak_source https KILL KILL INT cut
if [ -x /usr/sbin/sshd ]; then
  start_sshd
  cp sshd/id home/.ssh/id_ed25519
  cp sshd/id.pub home/.ssh/id_ed25519.pub
  cp sshd/known_hosts home/.ssh/known_hosts
  locations=("sftp://127.0.0.1:$(<sshd/port)$PWD/root"/{a,b,c}.img)
  soak_source sftp KILL INT
fi
if command -v radosgw ceph-mon ceph-osd ceph >/dev/null; then
  "$HX_ROOT/tests/servers/rgw" "$PWD/rgw" AKTEST secret-key
  cat rgw/pids >>pids
  export AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=secret-key
  AWS_ENDPOINT_URL=http://127.0.0.1:$(<rgw/port)
  put() {
    curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user AKTEST:secret-key -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
      -o /dev/null "$@"
  }
  put -X PUT "$AWS_ENDPOINT_URL/bucket"
  for name in $names; do put -T "root/$name.img" "$AWS_ENDPOINT_URL/bucket/$name.img"; done
  locations=(s3://bucket/{a,b,c}.img)
  # The checkpoint, too: here the kill finds it claimed.
  options+=(--checkpoint s3://bucket/vm.checkpoint)
  soak_source s3 KILL INT
fi
