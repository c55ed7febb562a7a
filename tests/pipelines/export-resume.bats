#!/usr/bin/env bats
# Exports from a real web server over TLS that are cut off, and go on: the bytes are right, little is fetched twice, and
# no secret is left anywhere.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  command -v nginx >/dev/null || return 0
  cd "$BATS_FILE_TMPDIR" || return 1
  mkdir root
  make_dense root/a.img 24M
  make_dense root/b.img 16M 7
  start_nginx "$BATS_FILE_TMPDIR/root"
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  nginx_here
  : >"$dir/access.log"
}
size_here() { du -sB1 out 2>/dev/null | cut -f1; }
# has_fetched BYTES: so much is in the .part files of the run $run, or it has ended.
has_fetched() { [ "$(size_here)" -ge "$1" ] || ! kill -0 "$run" 2>/dev/null; }
# sent: the bytes of all answers with a body, by the server's log.
sent() { awk '$9 ~ /^20/ { sum += $10 } END { print sum + 0 }' "$dir/access.log"; }
# export_slowly OPTION…: 16 MB a second in all, in the background, as $run. (A shell makes its background jobs ignore
# SIGINT.)
export_slowly() {
  env --default-signal=INT hx-export --cacert "$ca" --name vm --limit-rate 16MB "$@" "$url/a.img" "$url/b.img" -d out >../out 2>../err 3>&- &
  run=$!
}

@test "killed five times, the export ends with the right bytes, and little was fetched twice" {
  local i
  for i in 1 2 3 4 5; do
    export_slowly --checkpoint-interval 0.1s --connections 2
    wait_for has_fetched $((i * 5500000 + RANDOM * 20))
    kill -9 "$run" 2>/dev/null || true
    wait "$run" || true
    [ ! -e out/a.img ] || assert_same out/a.img "$root/a.img"
    [ ! -e out/b.img ] || assert_same out/b.img "$root/b.img"
  done
  hx-ckpt show out/.vm.checkpoint
  expect_status 0 hx-export --cacert "$ca" --name vm "$url/a.img" "$url/b.img" -d out
  assert_same out/a.img "$root/a.img"
  assert_same out/b.img "$root/b.img"
  assert_no_files_left out a.img b.img
  # Each time at most an interval (with its own save), and one piece of 2 MB, and what was on its way, of each of 4 workers.
  [ "$(sent)" -le $((42000000 + 5 * (3200000 + 2 * 4 * 2000000))) ] || fail "sent: $(sent)"
}

@test "SIGINT saves, and prints the command that goes on, which does" {
  export_slowly --checkpoint-interval 5m --restart
  wait_for has_fetched 9000000
  kill -INT "$run"
  status=0
  wait "$run" || status=$?
  keep_output
  [ "$status" -eq 130 ] || fail "status $status: $err"
  expect_err 'saved in' 'to go on: hx-export --cacert'
  jq -e '[.files[].downloaded_size] | add >= 6000000' out/.vm.checkpoint
  [ "$(stat -c %a out/.vm.checkpoint)" = 600 ]
  sed -n 's/.*to go on: //p' <<<"$err" >again
  ! grep -e --restart again || fail 'it would begin anew'
  bash again >../out 2>../err
  keep_output
  expect_err 'a.img: resumed from checkpoint'
  assert_same out/a.img "$root/a.img"
  assert_same out/b.img "$root/b.img"
  [ "$(sent)" -le $((42000000 + 4 * 2 * 2000000 + 1000000)) ] || fail "sent: $(sent)"
}

@test "a second run ends at once, and names the first" {
  export_slowly
  wait_for has_fetched 4000000
  expect_status 10 hx-export --cacert "$ca" --name vm "$url/a.img" -d out
  expect_err "process $run"
  expect_status 10 hx-export --cacert "$ca" --name other "$url/a.img" -d out
  expect_err 'a.img.part: another run'
  kill -INT "$run"
  wait "$run" || true
}

@test "the server goes away and comes back: status 5, then it goes on" {
  export_slowly --retries 0 --checkpoint-interval 0.1s
  wait_for has_fetched 9000000
  kill "$(<"$dir/pid")"
  status=0
  wait "$run" || status=$?
  [ "$status" -eq 5 ] || fail "status $status: $(cat ../err)"
  nginx -c "$dir/nginx.conf" >>"$dir/out" 2>&1 3>&- &
  remember_pid $!
  wait_for curl -s --cacert "$ca" "$url/" -o nothing
  expect_status 0 hx-export --cacert "$ca" --name vm "$url/a.img" "$url/b.img" -d out
  assert_same out/a.img "$root/a.img"
}

@test "a file that changed between two runs: status 3, and --restart takes the new one" {
  cp "$root/a.img" "$root/live.img"
  hx-export --name vm --checkpoint-interval 0.1s --limit-rate 8MB "$plain/live.img" -d out 3>&- &
  run=$!
  wait_for has_fetched 5000000
  kill -9 $run
  wait $run || true
  cp "$root/b.img" "$root/live.img"
  expect_status 3 hx-export --name vm "$plain/live.img" -d out
  expect_err 'changed since the checkpoint' --restart
  [ -e out/live.img.part ]
  expect_status 0 hx-export --name vm --restart "$plain/live.img" -d out
  assert_same out/live.img "$root/b.img"
}

@test "one file is fetched by several requests at once, and in no more than the limits say" {
  hx-export --cacert "$ca" --connections 8 "$url/slow/a.img" -d out
  assert_same out/a.img "$root/a.img"
  [ "$(grep -c 'GET /slow/a.img.* 206 ' "$dir/access.log")" -ge 7 ]
}

@test "no secret is in a checkpoint, a message, progress, a receipt or the list of processes" {
  mkdir -p "$XDG_CONFIG_HOME/hx"
  jq -n --arg url "http://reader:planted-password@${plain#http://}/secret/a.img?X-Amz-Signature=planted-signature&t=planted-token" \
    '{sources: {web: {location: $url}}}' >"$XDG_CONFIG_HOME/hx/sources.json"
  env --default-signal=INT hx-export -v --json --progress json --limit-rate 8MB --checkpoint-interval 0.1s web -d out >../out 2>../err 3>&- &
  run=$!
  wait_for has_fetched 5000000
  wait_for test -s out/.a.checkpoint
  tr '\0' ' ' <"/proc/$run/cmdline" >cmdline
  cp out/.a.checkpoint sidecar
  kill -INT $run
  wait $run || true
  grep -q 'X-Amz-Signature=\*\*\*' sidecar
  grep -q 'to go on: hx-export' ../err
  sed -i s/planted-token/planted-other/ "$XDG_CONFIG_HOME/hx/sources.json"
  expect_status 3 hx-export -v --json web -d out
  sed -i s/planted-other/planted-token/ "$XDG_CONFIG_HOME/hx/sources.json"
  sed -i s/planted-signature/planted-new-signature/ "$XDG_CONFIG_HOME/hx/sources.json"
  hx-export -v --json web -d out >out2 2>err2
  assert_same out/a.img "$root/a.img"
  assert_untold planted cmdline sidecar ../out ../err out2 err2 out
}
