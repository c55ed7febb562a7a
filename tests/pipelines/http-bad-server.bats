#!/usr/bin/env bats
# A web server with bad habits: each has its documented outcome (hx(7), SERVERS), and none gives wrong bytes.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() { serve_bad_disk; }
teardown_file() { stop_servers; }
setup() {
  hx_setup
  bad_disk
}

# outcome STATUS MODE [TEXT…]: hx-fetch of /MODE/… ends so and says TEXT; with 0 the bytes are right, else nothing is
# left of a snapshot of it, and its sink fails with the same status.
outcome() {
  local wanted=$1 mode=$2 url=$url/$2/$BATS_TEST_NUMBER.img
  shift 2
  expect_status "$wanted" hx-fetch --raw --retries 2 --timeout 1 "$url"
  [ $# -eq 0 ] || expect_err "$@"
  if [ "$wanted" -eq 0 ]; then
    cmp ../out "$disk" || fail "/$mode/: wrong bytes"
  else
    expect_one_error hx-fetch
    expect_err "/$mode/"
    cmp -n "$(stat -c %s ../out)" ../out "$disk" || fail "/$mode/: wrong bytes before the error"
  fi
}
# requests MODE: how many the server got of this test.
requests() { grep -c "^/$1/$BATS_TEST_NUMBER.img " "$BATS_FILE_TMPDIR/bad/log"; }

@test "a good server gives the disk, and so does one that stumbles" {
  for mode in good last-modified short-once short-unmarked-once 503-once 429-once 500-once redirect; do
    outcome 0 $mode
  done
  [ "$(requests good)" -eq 5 ]  # its size, three pieces, and whether it is still the same
}

@test "an empty disk, by status 416" {
  expect_status 0 hx-fetch "$url/416-empty/x.img"
  hx-fetch "$url/416-empty/x.img" | hx-snap-pack -o vm.mirn
  hx-info --json vm.mirn | jq -e '.size == 0'
}

@test "a server that ignores ranges: status 8, or 3 if what it sends is another file" {
  outcome 8 no-ranges 'ignores ranges'
  outcome 8 no-ranges-later 'ignores ranges'
  outcome 3 whole-of-another 'changed while it was read'
}

@test "a file that changes while it is read: status 3, whatever tells it" {
  for mode in etag-changes etag-changes-at-the-end length-changes last-modified-changes 416-changed gone; do
    outcome 3 $mode 'changed while it was read'
  done
}

@test "an ETag that is new in each answer proves nothing: status 3" {
  outcome 3 etag-each 'changed while it was read'
}

@test "nothing that proves that ranges belong together: refused, or read by force and then said" {
  outcome 10 no-validator ETag
  outcome 10 weak-etag ETag
  hx-fetch --force "$url/weak-etag/x.img" | hx-snap-pack -o vm.mirn
  hx-info --json vm.mirn | jq -e '.consistency == "none"'
  hx-restore vm.mirn -o restored.img
  assert_same restored.img "$disk"
}

@test "answers that are not of the range: status 1" {
  outcome 1 wrong-range 'Content-Range'
  outcome 1 wrong-first-range 'Content-Range'
  outcome 1 no-content-range 'Content-Range'
  outcome 1 416-same '416'
  outcome 1 more 'more than it was asked for'
  outcome 8 unknown-size 'size'
  outcome 8 gzip gzip
}

@test "answers that are none: status 1, without waiting for their end" {
  outcome 1 endless-headers headers
  outcome 1 long-header headers
  outcome 1 garbage
  outcome 1 loop redirects
}

@test "what may pass, but does not: status 5, after as many attempts as allowed" {
  outcome 5 short-always attempts
  outcome 5 short-unmarked-always 'cut short'
  outcome 5 503-always 'HTTP status 503'
  [ "$(requests 503-always)" -eq 3 ]
}

@test "a server that asks for more patience than anybody has is not waited for: status 5" {
  outcome 5 503-tomorrow 'HTTP status 503' 86400
  [ "$(requests 503-tomorrow)" -eq 1 ]
}

@test "a server that stalls is lost after --timeout: status 5" {
  expect_status 5 hx-fetch --raw --retries 0 --timeout 1 "$url/stall/x.img"
  expect_status 5 hx-fetch --raw --retries 0 --timeout 1 "$url/silent/x.img"
}

@test "a signed URL that expires: status 6, and its signature is not told" {
  expect_status 6 hx-fetch -v --raw "$url/403-expired/x.img?X-Amz-Signature=planted-signature"
  expect_err expired AccessDenied 'X-Amz-Signature=***'
  ! grep -a planted ../err || fail 'the signature was told'
}

@test "a redirect is not followed to another scheme, and never to a file" {
  outcome 10 to-file 'http:'
  outcome 10 to-https 'http:'
  ! grep -q planted ../err || fail 'a signature was told'
}

@test "what has no such name is wrong usage" {
  outcome 2 unknown 404
}

@test "credentials from .netrc go to the host that they are for, and not on to another one" {
  printf 'machine 127.0.0.1 login reader password planted-password\n' >~/.netrc
  chmod 600 ~/.netrc
  outcome 0 auth
  outcome 0 other-host
  grep -q "^/other-host/.* auth=Basic" "$BATS_FILE_TMPDIR/bad/log"
  grep -q "^/good/other-host .* auth=None" "$BATS_FILE_TMPDIR/bad/log"
  ! grep -q "^/good/other-host .* auth=Basic" "$BATS_FILE_TMPDIR/bad/log" || fail 'the password went to another host'
  rm ~/.netrc
  outcome 6 auth 401
}

@test "a sink learns what went wrong, and leaves nothing" {
  mkdir target
  expect_pipe '3 3' "hx-fetch $url/length-changes/y.img | hx-snap-pack -o target/vm.mirn"
  assert_no_files_left target
}

@test "no server there: status 5, and the name of what was wanted" {
  local nobody
  nobody=$(free_port)
  expect_status 5 hx-fetch --retries 0 "http://127.0.0.1:$nobody/x.img"
  expect_one_error hx-fetch
  expect_err "http://127.0.0.1:$nobody/x.img"
}

@test "URLs that are none, or of another host's files: status 2" {
  expect_status 2 hx-fetch 'http:///x'
  expect_status 2 hx-fetch 'file://elsewhere/x'
  expect_status 2 hx-fetch --cacert gone.pem "https://127.0.0.1:$port/x"
  expect_status 2 hx-fetch --thumbprint 12 "https://127.0.0.1:$port/x"
}

# stalls MODE: a request of this test waits, and will for ever.
stalls() { grep -q "^/$1/$BATS_TEST_NUMBER.img .* stalls" "$BATS_FILE_TMPDIR/bad/log"; }
is_let_go() { grep -q "^/$1/$BATS_TEST_NUMBER.img .* is let go" "$BATS_FILE_TMPDIR/bad/log"; }
# fetch_into_pipe MODE: in the background, as $run; what it writes is read by descriptor 9.
fetch_into_pipe() {
  rm -f pipe
  mkfifo pipe
  env --default-signal=INT hx-fetch --timeout 86400 "http://127.0.0.1:$port/$1/$BATS_TEST_NUMBER.img" >pipe 2>../err 3>&- &
  run=$!
  exec 9<pipe
  wait_for stalls "$1"
}

@test "who reads no more ends a fetch from a server that stalls, at once" {
  for mode in stall silent; do
    fetch_into_pipe $mode
    exec 9<&-
    # Nothing else would end it today.
    status=0
    wait $run || status=$?
    keep_output
    [ $status -eq 1 ] || fail "$mode: status $status: $err"
    expect_err 'stdout: closed by its reader'
    wait_for is_let_go $mode
  done
}

@test "SIGINT ends a fetch from a server that stalls, at once" {
  fetch_into_pipe stall
  kill -INT $run
  status=0
  wait $run || status=$?
  exec 9<&-
  [ $status -eq 130 ] || fail "status $status: $(<../err)"
  wait_for is_let_go stall
}
