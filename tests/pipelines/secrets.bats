#!/usr/bin/env bats
# What opens a door is told nowhere: not in checkpoints, tokens, snapshots, logs, errors, progress, receipts, or the list
# of processes. All secrets here are called planted-something.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  cd "$BATS_FILE_TMPDIR" || return 1
  mkdir root
  make_dense root/disk.img 9M
  start_bad_server root/disk.img
  if command -v nginx >/dev/null; then start_nginx "$BATS_FILE_TMPDIR/root"; fi
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  bad=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/bad/port")
  mkdir -p "$XDG_CONFIG_HOME/hx" seen
}
alias_for() { jq -n --arg url "$1" '{sources: {web: {location: $url}}}' >"$XDG_CONFIG_HOME/hx/sources.json"; }
is_under_way() { grep -qs '"downloading"' out/*.checkpoint out/.*.checkpoint || hx-ckpt show "${place:-none}" | grep -q downloading; }

# export_and_look OPTION… LOCATION: a run that is interrupted, one that goes on, and what can be asked of the checkpoint.
export_and_look() {
  env --default-signal=INT hx-export -v --json --progress json --limit-rate 4MB --checkpoint-interval 0.1s "$@" -d out >seen/out 2>seen/err 3>&- &
  local run=$!
  wait_for is_under_way
  tr '\0' ' ' <"/proc/$run/cmdline" >seen/cmdline
  grep -q hx-export seen/cmdline
  kill -INT $run
  wait $run || true
  grep -q 'to go on: hx-export' seen/err
  cp out/.*.checkpoint seen/sidecar 2>/dev/null || true
  for how in -v --json; do hx-ckpt show $how "${place:-out/.disk.checkpoint}" >"seen/show$how"; done
  hx-ckpt list out >seen/list
  hx-export -v --json --progress json "$@" -d out >seen/out2 2>seen/err2
  assert_same out/disk.img "$BATS_FILE_TMPDIR/root/disk.img"
}
# nothing_planted FILE…: in all that was seen, and is left.
nothing_planted() { assert_untold planted seen out "$@"; }

@test "user and password of a URL, and what signs it" {
  require nginx
  plain=127.0.0.1:$(<"$BATS_FILE_TMPDIR/nginx/plain-port")
  query='X-Amz-Signature=planted-1&X-Amz-Credential=planted-2&X-Amz-Security-Token=planted-3&sig=planted-4&key=planted-5'
  alias_for "http://reader:planted-password@$plain/secret/disk.img?$query#planted-6"
  export_and_look web
  grep -q 'X-Amz-Signature=\*\*\*' seen/sidecar
  # Wrong ones, which the server refuses.
  alias_for "http://reader:planted-wrong@$plain/secret/disk.img?$query"
  expect_status 6 hx-export -v --json --progress json web -d wrong
  cp ../err seen/wrong
  expect_status 6 hx-fetch -v --progress json web
  cp ../err seen/wrong-fetch
  nothing_planted ../out
}

@test "the same in a pipeline that goes on: its checkpoint, its token, its snapshot" {
  require nginx
  plain=127.0.0.1:$(<"$BATS_FILE_TMPDIR/nginx/plain-port")
  alias_for "http://reader:planted-password@$plain/secret/disk.img?sig=planted-1"
  hx-fetch -v --progress json web 2>seen/err | head -c 7000000 | hx-snap-pack -v --resume -o vm.mirn 2>seen/err2 || true
  hx-ckpt token vm.mirn.part >seen/token
  sed 's/^hx1\.//; s/\..*//' seen/token | tr '_-' '/+' | base64 -di >seen/token.json 2>/dev/null || true
  grep -q validator seen/token.json
  cp .vm.mirn.checkpoint seen/sidecar
  hx-fetch --resume "$(<seen/token)" web | hx-snap-pack --resume -o vm.mirn
  mkdir out
  nothing_planted vm.mirn
}

@test "a password in .netrc" {
  require nginx
  plain=127.0.0.1:$(<"$BATS_FILE_TMPDIR/nginx/plain-port")
  printf 'machine 127.0.0.1 login reader password planted-password\n' >~/.netrc
  export_and_look "http://$plain/secret/disk.img"
  printf 'machine 127.0.0.1 login reader password planted-wrong\n' >~/.netrc
  expect_status 6 hx-export -v "http://$plain/secret/disk.img" -d wrong
  cp ../err seen/wrong
  nothing_planted ../out
}

@test "keys and session tokens of an object store, in the checkpoint that is kept there, too" {
  export AWS_ENDPOINT_URL=$bad AWS_ACCESS_KEY_ID=AKENV AWS_SECRET_ACCESS_KEY=planted-secret AWS_SESSION_TOKEN=planted-token
  place=s3://no-conditions/$BATS_TEST_NUMBER.checkpoint
  export_and_look --checkpoint "$place" --checkpoint-unsafe s3://good/disk.img
  expect_status 6 hx-export -v --json s3://403-expired/disk.img -d wrong
  cp ../err seen/wrong
  nothing_planted ../out
}

@test "those of a role, and what the services want for them" {
  unset AWS_EC2_METADATA_DISABLED
  export AWS_ENDPOINT_URL=$bad AWS_EC2_METADATA_SERVICE_ENDPOINT=$bad
  export_and_look s3://good/disk.img
  rm -r out
  export AWS_CONTAINER_CREDENTIALS_FULL_URI=$bad/container/x AWS_CONTAINER_AUTHORIZATION_TOKEN=planted-container-token
  export_and_look s3://good/disk.img
  export AWS_CONTAINER_AUTHORIZATION_TOKEN=planted-wrong-token
  expect_status 6 hx-export -v s3://good/disk.img -d wrong
  cp ../err seen/wrong
  nothing_planted ../out
}
