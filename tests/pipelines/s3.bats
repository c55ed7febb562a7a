#!/usr/bin/env bats
# Disks and snapshots in an object store: Ceph's gateway, which checks signatures.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

# s3_curl ARGUMENT…: an independent client puts what we read. (Its signature needs the header to be given.)
s3_curl() {
  curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 --user AKTEST:planted-secret-key \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -o /dev/null "$@"
}
setup_file() {
  if ! command -v radosgw ceph-mon ceph-osd ceph curl >/dev/null; then return 0; fi
  cd "$BATS_FILE_TMPDIR" || return 1
  "$HX_ROOT/tests/servers/rgw" "$BATS_FILE_TMPDIR/rgw" AKTEST planted-secret-key 3>&-
  local url
  url=http://127.0.0.1:$(<rgw/port)
  make_ext4 disk.img 12M
  "$HX_BIN/hx-snap-pack" disk.img -o vm.mirn
  s3_curl -X PUT "$url/bucket"
  s3_curl -T disk.img "$url/bucket/dir/disk.img"
  s3_curl -T vm.mirn "$url/bucket/vm.mirn"
  s3_curl -T disk.img "$url/bucket/a%20b%2Bc%3F%C3%A4/disk.img"
}
teardown_file() { cp "$BATS_FILE_TMPDIR/rgw/pids" "$BATS_FILE_TMPDIR/pids" 2>/dev/null && stop_servers; }
setup() {
  hx_setup
  require radosgw ceph-mon ceph-osd ceph curl
  disk=$BATS_FILE_TMPDIR/disk.img
  export AWS_ENDPOINT_URL
  AWS_ENDPOINT_URL=http://127.0.0.1:$(<"$BATS_FILE_TMPDIR/rgw/port")
  export AWS_ACCESS_KEY_ID=AKTEST AWS_SECRET_ACCESS_KEY=planted-secret-key
}

@test "an object becomes a snapshot, its zeros found on the way" {
  hx-fetch s3://bucket/dir/disk.img | hx-snap-pack --json -o vm.mirn >receipt
  hx-restore vm.mirn -o restored.img
  assert_same restored.img "$disk"
  jq -e '.disks[0] | .name == "disk" and .zero_bytes > 0' receipt
}

@test "a key is taken as it is, whatever is in it" {
  hx-fetch --raw 's3://bucket/a b+c?ä/disk.img' | cmp - "$disk"
}

@test "credentials from a profile; wrong ones, and none, are status 6 and told nowhere" {
  unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
  expect_status 6 hx-fetch --raw s3://bucket/dir/disk.img
  expect_err AWS_ACCESS_KEY_ID
  mkdir ~/.aws
  printf '[backup]\naws_access_key_id = AKTEST\naws_secret_access_key = planted-secret-key\n' >~/.aws/credentials
  AWS_PROFILE=backup hx-fetch --raw s3://bucket/dir/disk.img | cmp - "$disk"
  printf '[backup]\naws_access_key_id = AKTEST\naws_secret_access_key = planted-wrong-key\n' >~/.aws/credentials
  AWS_PROFILE=backup expect_status 6 hx-fetch -v --raw s3://bucket/dir/disk.img
  expect_err SignatureDoesNotMatch 'profile backup'
  ! grep -a planted ../err || fail 'a secret was told'
}

@test "what is not there: status 2" {
  expect_status 2 hx-fetch --raw s3://bucket/gone.img
  expect_err NoSuchKey
  expect_status 2 hx-fetch --raw s3://no-such-bucket/gone.img
  expect_status 2 hx-fetch --raw s3://bucket
}

@test "an object that is replaced while it is read: status 3" {
  make_dense live.img 9M
  s3_curl -T live.img "$AWS_ENDPOINT_URL/bucket/live.img"
  make_dense other.img 9M 7
  mkfifo out
  hx-fetch --raw -j 1 s3://bucket/live.img >out 2>../err &
  local source=$!
  { head -c 4200000; s3_curl -T other.img "$AWS_ENDPOINT_URL/bucket/live.img"; cat; } <out >/dev/null
  status=0
  wait $source || status=$?
  keep_output
  [ "$status" -eq 3 ] || fail "status $status: $err"
}

@test "while it runs, no secret is on its command line" {
  mkfifo out
  hx-fetch --raw s3://bucket/dir/disk.img >out &
  local source=$!
  exec 9<out
  tr '\0' ' ' <"/proc/$source/cmdline" >cmdline
  exec 9<&-
  grep -q hx-fetch cmdline
  ! grep planted cmdline || fail 'a secret is in the list of processes'
  wait $source || true
}

@test "an export of an object that is killed goes on, and ends with the right bytes" {
  make_dense big.img 12M
  s3_curl -T big.img "$AWS_ENDPOINT_URL/bucket/dir/big.img"
  hx-export --limit-rate 8MB --checkpoint-interval 0.1s s3://bucket/dir/big.img -d out 3>&- &
  local run=$!
  wait_for grep -qs '"ranges"' out/.big.checkpoint
  kill -9 $run
  wait $run || true
  expect_status 0 hx-export --json s3://bucket/dir/big.img s3://bucket/vm.mirn -d out --name big
  expect_err 'big.img: resumed from checkpoint'
  jq -es '.[] | select(.path == "big.img") | .resumed > 0 and .resumed + .fetched == .size' ../out
  assert_same out/big.img big.img
  assert_same out/vm.mirn "$BATS_FILE_TMPDIR/vm.mirn"
  assert_no_files_left out big.img vm.mirn
  ! grep -a planted ../err ../out || fail 'a secret was told'
}
