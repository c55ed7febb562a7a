#!/usr/bin/env bats
# A web server with bad habits, and hx-export: each has its documented outcome (hx-export(1), GOING ON), and no file has
# wrong bytes under its final name.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() { serve_bad_disk; }
teardown_file() { stop_servers; }
setup() {
  hx_setup
  bad_disk
}

# outcome STATUS MODE [TEXT…]: hx-export of /MODE/… ends so and says TEXT; with 0 the bytes are right, else there is no
# such file.
outcome() {
  local wanted=$1 mode=$2 name=$2-$BATS_TEST_NUMBER.img
  shift 2
  expect_status "$wanted" hx-export --retries 2 --timeout 1 "$url/$mode/$name" -d out
  [ $# -eq 0 ] || expect_err "$@"
  if [ "$wanted" -eq 0 ]; then
    assert_same "out/$name" "$disk"
    rm "out/$name"
    assert_no_files_left out
  else
    [ ! -e "out/$name" ] || fail "/$mode/: status $wanted, but the file is there"
    rm -rf out
  fi
}

@test "a good server gives the file, and so does one that stumbles" {
  for mode in good last-modified short-once short-unmarked-once 503-once 429-once 500-once redirect; do
    outcome 0 $mode
  done
}

@test "without ranges, or anything that proves that they belong together, it comes in one answer" {
  for mode in no-ranges no-ranges-later weak-etag no-validator; do outcome 0 $mode; done
}

@test "a file that changes while it is fetched: status 3, whatever tells it" {
  for mode in etag-changes etag-changes-at-the-end etag-each length-changes last-modified-changes 416-changed gone \
    whole-of-another; do
    outcome 3 $mode 'changed while it was read'
  done
}

@test "answers that are not of the range, or none: status 1; encoded ones: status 8" {
  for mode in wrong-range wrong-first-range no-content-range 416-same more endless-headers long-header garbage loop; do
    outcome 1 $mode
  done
  outcome 8 gzip gzip
}

@test "what may pass, but does not: status 5; an expired signature: 6" {
  for mode in short-always short-unmarked-always 503-always 503-tomorrow; do outcome 5 $mode; done
  outcome 6 403-expired expired
  outcome 10 to-file 'http:'
  outcome 2 unknown 404
}

@test "a server that stalls is given up, and with it all other requests for the file" {
  expect_status 5 hx-export --retries 0 --timeout 1 "$url/stall/x.img" -d out
  [ ! -e out/x.img ]
}

@test "a source that changed since the checkpoint: status 3, what is here is kept; --restart accepts it" {
  expect_status 5 hx-export --retries 0 "$url/changes-after-cut/x.img" -d out --connections 1
  hx-ckpt show out/.x.checkpoint | grep -q '(4194304/9437184 bytes)'
  cp out/x.img.part part
  expect_status 3 hx-export --retries 0 "$url/changes-after-cut/x.img" -d out
  expect_err 'changed since the checkpoint' --restart
  assert_same out/x.img.part part
  expect_status 0 hx-export --restart --retries 0 "$url/changes-after-cut/x.img" -d out
  assert_same out/x.img "$disk"
}

@test "one answer that is cut is gone on with by passing over what is here" {
  expect_status 5 hx-export --retries 0 "$url/whole-cut-once/x.img" -d out
  hx-ckpt show out/.x.checkpoint | grep -q '(4718592/9437184 bytes)'
  expect_status 0 hx-export --json --retries 0 "$url/whole-cut-once/x.img" -d out
  expect_err 'resumed from checkpoint'
  jq -e '.fetched == 4718592 and .resumed == 4718592' ../out
  assert_same out/x.img "$disk"
}

@test "bytes that are not as the server's checksum says: status 1, and they are fetched anew" {
  expect_status 1 hx-export "$url/wrong-md5-once/x.img" -d out
  expect_err 'MD5 of content-md5'
  [ ! -e out/x.img ]
  expect_status 0 hx-export --json "$url/wrong-md5-once/x.img" -d out
  jq -e '.fetched == .size and .checked == "MD5 of content-md5"' ../out
  assert_same out/x.img "$disk"
}

@test "SIGINT ends an export from a server that stalls, at once, and what has come is kept" {
  env --default-signal=INT hx-export --timeout 86400 "$url/stall-later/y.img" -d out >../out 2>../err 3>&- &
  local run=$!
  wait_for grep -q '^/stall-later/y.img .* stalls' "$BATS_FILE_TMPDIR/bad/log"
  wait_for grep -q '^/stall-later/y.img 2 done' "$BATS_FILE_TMPDIR/bad/log"
  kill -INT $run
  status=0
  wait $run || status=$?
  keep_output
  [ $status -eq 130 ] || fail "status $status: $err"
  expect_err 'saved in' 'to go on: hx-export --timeout 86400'
  wait_for grep -q '^/stall-later/y.img .* is let go' "$BATS_FILE_TMPDIR/bad/log"
}
