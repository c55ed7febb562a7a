#!/usr/bin/env bats
# Pipelines that go on, from a web server and through ssh.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return 1
  mkdir root
  make_dense root/disk.img 12M
  cp -p root/disk.img root/twin.img
  "$HX_BIN/hx-snap-pack" root/disk.img -o root/vm.mirn
  if command -v nginx >/dev/null; then start_nginx "$BATS_FILE_TMPDIR/root"; fi
  if [ -x /usr/sbin/sshd ]; then start_sshd; fi
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  disk=$BATS_FILE_TMPDIR/root/disk.img
}

@test "a disk on a web server goes on, if its entity tag is still the same" {
  require nginx
  plain=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/nginx/plain-port")
  expect_pipe "1 0 1" "hx-fetch $plain/disk.img | head -c 7000000 | hx-snap-pack --resume -o vm.mirn"
  token=$(hx-ckpt token vm.mirn.part)
  grep -q '"validator": "etag:' .vm.mirn.checkpoint
  # Its twin has the same tag, of time and size.
  expect_status 3 hx-fetch --resume "$token" "$plain/twin.img"
  expect_err 'is another source than the sink began with'
  hx-fetch --resume "$token" "$plain/disk.img" >rest.stream
  [ "$(size_of rest.stream)" -lt 7000000 ]
  hx-snap-pack --resume -o vm.mirn <rest.stream
  cmp <(hx-restore vm.mirn -o -) "$disk"
}

@test "the token and the stream go through ssh" {
  require sshd ssh
  dir=$BATS_FILE_TMPDIR/sshd
  there() { ssh -F none -i "$dir/id" -p "$(<"$dir/port")" -o UserKnownHostsFile="$dir/known_hosts" 127.0.0.1 "cd '$PWD'; PATH='$PATH'; $1"; }
  hx-fetch "$disk" | head -c 7000000 | there 'hx-snap-pack --resume -o vm.mirn' || true
  token=$(there 'hx-ckpt token vm.mirn.part')
  hx-fetch --resume "$token" "$disk" >rest.stream
  [ "$(size_of rest.stream)" -lt 7000000 ]
  there 'hx-snap-pack --resume -o vm.mirn' <rest.stream
  cmp <(hx-restore vm.mirn -o -) "$disk"
}

@test "a restore from a web server goes on: what is on the target is not fetched again" {
  require nginx
  nginx=$BATS_FILE_TMPDIR/nginx
  url=http://127.0.0.1:$(<"$nginx/plain-port")/vm.mirn
  killed_at 7000000 hx-restore --resume --checkpoint-interval 0.05s --limit-rate 8M "$url" -o new.img
  [ "$status" -eq 137 ]
  : >"$nginx/access.log"
  expect_status 0 hx-restore --resume --json "$url" -o new.img
  resumed=$(jq .resumed <<<"$out")
  [ "$resumed" -gt 2000000 ]
  assert_same new.img "$disk"
  sent=$(awk '$6 == "\"GET" { sum += $10 } END { print sum }' "$nginx/access.log")
  # Beside the rest there are the index, a few chunks to compare, and what small reads bring along.
  [ "$sent" -lt $(($(size_of "$BATS_FILE_TMPDIR/root/vm.mirn") * 9 / 10)) ] || fail "$sent bytes were sent again"
}
