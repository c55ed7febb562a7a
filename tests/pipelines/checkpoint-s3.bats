#!/usr/bin/env bats
# Checkpoints in an object store: Ceph's gateway, where of two runs one wins, and stores that cannot keep them apart.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

s3_curl() {
  curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user AKTEST:planted-secret-key \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' "$@"
}
setup_file() {
  cd "$BATS_FILE_TMPDIR" || return 1
  make_dense disk.img 12M
  start_bad_server disk.img
  if ! command -v radosgw ceph-mon ceph-osd ceph curl >/dev/null; then return 0; fi
  "$HX_ROOT/tests/servers/rgw" "$BATS_FILE_TMPDIR/rgw" AKTEST planted-secret-key 3>&-
  cat rgw/pids >>pids
  s3_curl -X PUT "http://127.0.0.1:$(<rgw/port)/bucket"
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  disk=$BATS_FILE_TMPDIR/disk.img
  bad=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/bad/port")
  export AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=planted-secret-key AWS_ENDPOINT_URL=$bad
  place=s3://bucket/test-$BATS_TEST_NUMBER.checkpoint
}
use_rgw() {
  require radosgw ceph-mon ceph-osd ceph curl
  AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/rgw/port")
}
# slowly DIR: an export in the background, as $run.
slowly() {
  env --default-signal=INT hx-export --checkpoint "$place" --limit-rate 1MB --checkpoint-interval 0.2s "$disk" -d "$1" >"../out.$1" 2>"../err.$1" 3>&- &
  run=$!
}
# (Of no input jq -e says nothing, and status 0.)
has_ranges() { [ "$(hx-ckpt show --json "$place" | jq '.files[0].ranges | length')" -gt 0 ]; }
is_gone() { expect_status 2 hx-ckpt show "$place"; }

@test "an export that is killed goes on from its checkpoint in the store, which goes with the last byte" {
  use_rgw
  slowly out
  wait_for has_ranges
  hx-ckpt show -v "$place" >shown
  grep -q "Used by: hx-export, process $run on " shown
  kill -9 $run
  wait $run || true
  # The process is dead, which is seen here at once.
  hx-ckpt check "$place"
  expect_status 0 hx-export --json --checkpoint "$place" "$disk" -d out
  expect_err 'resumed from checkpoint'
  jq -e '.resumed > 0 and .resumed + .fetched == .size' ../out
  assert_same out/disk.img "$disk"
  assert_no_files_left out disk.img
  is_gone
}

@test "of two runs the second ends at once, names the first, and touches nothing" {
  use_rgw
  slowly out
  wait_for has_ranges
  expect_status 10 hx-export --checkpoint "$place" "$disk" -d out
  expect_err "$place: locked by hx-export, process $run on "
  expect_status 10 hx-ckpt rm "$place"
  kill -INT $run
  status=0
  wait $run || status=$?
  [ $status -eq 130 ] || fail "status $status: $(<../err.out)"
  grep -qF "saved in $place; to go on: hx-export --checkpoint $place" ../err.out || fail "$(<../err.out)"
  # It let go of it.
  hx-ckpt show -v "$place" >shown
  ! grep 'Used by' shown || fail 'it is still used'
  expect_status 0 hx-ckpt rm "$place"
  is_gone
}

@test "of eight runs that begin at once, one wins by the conditional write" {
  use_rgw
  local pids='' i won=0
  for i in 1 2 3 4 5 6 7 8; do
    mkdir out$i
    hx-export --checkpoint "$place" --name web --limit-rate 2MB "$disk" -d out$i >/dev/null 2>err$i 3>&- &
    pids="$pids $!"
  done
  for i in $pids; do
    status=0
    wait "$i" || status=$?
    case $status in 0) won=$((won + 1)) ;; 10) ;; *) fail "status $status: $(cat err*)" ;; esac
  done
  [ $won -eq 1 ] || fail "$won runs won" "$(cat err*)"
  [ "$(grep -lE 'locked by hx-export, process|is now used by hx-export, process' err* | wc -l)" -eq 7 ] || fail "$(cat err*)"
}

@test "another run takes it away: the first stops, status 10" {
  use_rgw
  slowly out
  wait_for has_ranges
  hx-ckpt show --json "$place" >/dev/null
  echo '{"version":"1.0","files":[]}' >foreign
  s3_curl -T foreign "$AWS_ENDPOINT_URL/${place#s3://}"
  status=0
  wait $run || status=$?
  [ $status -eq 10 ] || fail "status $status: $(<../err.out)"
  grep -q "$place: is now used by another run" ../err.out
  [ ! -e out/disk.img ]
}

@test "a name that ends in a slash, a compressed one, and one that cannot be used" {
  use_rgw
  expect_status 2 hx-export --checkpoint s3://bucket/dir/ --name web "$disk" ./gone -d out
  hx-ckpt show s3://bucket/dir/.web.checkpoint | grep -q 'disk.img: completed'
  expect_status 0 hx-ckpt rm s3://bucket/dir/.web.checkpoint
  expect_status 2 hx-export --checkpoint "$place.zst" "$disk" ./gone -d out --force
  s3_curl "$AWS_ENDPOINT_URL/${place#s3://}.zst" | zstd -dcq | jq -e '.version == "1.0"'
  echo garbage >garbage
  s3_curl -T garbage "$AWS_ENDPOINT_URL/${place#s3://}"
  expect_status 0 hx-export --checkpoint "$place" "$disk" -d other
  expect_err warning "$place.bad"
  [ "$(s3_curl "$AWS_ENDPOINT_URL/${place#s3://}.bad")" = garbage ]
}

@test "no credentials, no bucket, and no secret that is told" {
  use_rgw
  expect_status 2 hx-export --checkpoint s3://no-such-bucket/x "$disk" -d out
  AWS_SECRET_ACCESS_KEY=planted-wrong-key expect_status 6 hx-export -v --checkpoint "$place" "$disk" -d out
  expect_err SignatureDoesNotMatch
  ! grep -a planted ../err ../out || fail 'a secret was told'
  unset AWS_ACCESS_KEY_ID
  expect_status 6 hx-export --checkpoint "$place" "$disk" -d out
  [ ! -e out/disk.img ]
}

@test "a store that answers 501 to a condition is refused with that reason, unless --checkpoint-unsafe" {
  place=s3://no-conditions/x.checkpoint
  expect_status 10 hx-export --checkpoint $place "$disk" -d out
  expect_one_error hx-export
  expect_err 'has no conditional writes' 501 --checkpoint-unsafe
  assert_no_files_left out
  expect_status 2 hx-export --checkpoint $place --checkpoint-unsafe "$disk" ./gone -d out
  hx-ckpt show $place | grep -q 'disk.img: completed'
  expect_status 2 hx-export --checkpoint-unsafe "$disk" -d out
}

@test "a store that takes conditions and ignores them is found out, and nothing of it stays" {
  place=s3://ignores-conditions/x.checkpoint
  expect_status 10 hx-export --checkpoint $place "$disk" -d out
  expect_err 'has no conditional writes: it ignores If-None-Match' --checkpoint-unsafe
  is_gone
  assert_no_files_left out
}

@test "what is for directories only is not for objects" {
  for command in "list $place" "prune --older-than 7d $place" "convert --compress $place"; do
    # shellcheck disable=SC2086  # a command line
    expect_status 8 hx-ckpt $command
    expect_one_error hx-ckpt
  done
  expect_status 8 hx-export --checkpoint https://host/x "$disk" -d out
}
