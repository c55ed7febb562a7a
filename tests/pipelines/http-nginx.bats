#!/usr/bin/env bats
# Disks and snapshots on a real web server, over verified TLS.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  command -v nginx >/dev/null || return 0
  cd "$BATS_FILE_TMPDIR" || return 1
  mkdir root
  make_ext4 root/disk.img 24M
  : >root/empty.img
  "$HX_BIN/hx-snap-pack" root/disk.img -o root/vm.mirn
  start_nginx "$BATS_FILE_TMPDIR/root"
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  nginx_here
}
certificate_sha() { openssl x509 -in "$ca" -noout -fingerprint "-$1" | sed 's/.*=//'; }

@test "a disk over TLS becomes a snapshot, its zeros found on the way" {
  hx-fetch --cacert "$ca" "$url/disk.img" | hx-snap-pack --json -o vm.mirn >receipt
  hx-restore vm.mirn -o restored.img
  assert_same restored.img "$root/disk.img"
  jq -e '.disks[0] | .name == "disk" and .zero_bytes > 0' receipt
}

@test "an empty disk, and a range of one" {
  hx-fetch --cacert "$ca" "$url/empty.img" | hx-snap-pack -o vm.mirn
  hx-info --json vm.mirn | jq -e '.size == 0'
  hx-fetch --raw --range 5000000+70000 "$plain/disk.img" | cmp - <(tail -c +5000001 "$root/disk.img" | head -c 70000)
}

@test "several requests are under way at once: a cap on each connection is no cap on the disk" {
  hx-fetch --cacert "$ca" --raw "$url/slow/disk.img" | cmp - "$root/disk.img"
  [ "$(grep -c 'GET /slow/disk.img.* 206 ' "$dir/access.log")" -ge 8 ]
}

@test "who the server is, is verified" {
  expect_status 6 hx-fetch --retries 0 --raw "$url/disk.img"
  expect_err --cacert "$url/disk.img"
  [ ! -s ../out ]
  certificate other
  expect_status 6 hx-fetch --retries 0 --cacert other.pem --raw "$url/disk.img"
  # The certificate is for localhost and 127.0.0.1.
  expect_status 6 hx-fetch --retries 0 --cacert "$ca" --raw "${url/localhost/localhost.}/disk.img" ||
    expect_status 5 hx-fetch --retries 0 --cacert "$ca" --raw "${url/localhost/localhost.}/disk.img"
}

@test "a thumbprint takes the place of an authority, and fits or does not" {
  expect_status 0 hx-fetch --raw --thumbprint "$(certificate_sha sha256)" "$url/disk.img"
  cmp ../out "$root/disk.img"
  expect_status 0 hx-fetch --raw --thumbprint "$(certificate_sha sha1 | tr -d : | tr A-F a-f)" "$url/disk.img"
  for count in 64 40; do
    expect_status 6 hx-fetch --retries 0 --raw --thumbprint "$(printf '0%.0s' $(seq $count))" "$url/disk.img"
    [ ! -s ../out ]
  done
}

@test "a file that is replaced while it is read: status 3" {
  cp "$root/disk.img" "$root/live.img"
  mkfifo out
  hx-fetch --raw -j 1 "$plain/live.img" >out 2>../err &
  local source=$!
  { head -c 4200000; cp "$root/vm.mirn" "$root/live.img.new" && mv "$root/live.img.new" "$root/live.img"; cat; } <out >/dev/null
  status=0
  wait $source || status=$?
  keep_output
  [ "$status" -eq 3 ] || fail "status $status: $err"
  expect_err 'changed while it was read'
}

@test "credentials: from .netrc, from the URL, and told nowhere" {
  expect_status 6 hx-fetch --raw "$plain/secret/disk.img"
  printf 'machine 127.0.0.1 login reader password planted-password\n' >~/.netrc
  hx-fetch --raw "$plain/secret/disk.img" | cmp - "$root/disk.img"
  rm ~/.netrc
  hx-fetch --raw "${plain/:\/\//:\/\/reader:planted-password@}/secret/disk.img" | cmp - "$root/disk.img"
  expect_status 6 hx-fetch -v --raw "${plain/:\/\//:\/\/reader:planted-wrong@}/secret/disk.img?token=planted-token"
  expect_err '***@127.0.0.1' 'token=***'
  ! grep -a planted ../err || fail 'a secret was told'
}

@test "an alias keeps a URL with secrets off the command line, and names the disk" {
  mkdir -p "$XDG_CONFIG_HOME/hx"
  jq -n --arg url "${plain/:\/\//:\/\/reader:planted-password@}/secret/disk.img" \
    '{sources: {web: {location: $url}}}' >"$XDG_CONFIG_HOME/hx/sources.json"
  hx-fetch web | hx-snap-pack -o vm.mirn
  hx-info --json vm.mirn | jq -e '.name == "web"'
  ! grep -a planted vm.mirn || fail 'the password is in the snapshot'
}

@test "an image or snapshot by its name is not taken for a raw disk" {
  expect_status 8 hx-fetch "$plain/vm.mirn"
  expect_err hx-restore
  expect_status 8 hx-fetch "$plain/disk.qcow2?x=y"
  hx-fetch --raw --format raw "$plain/vm.mirn" | cmp - "$root/vm.mirn"
}

@test "file:// is the file, with its holes" {
  hx-fetch --raw "file://$root/disk.img" | cmp - "$root/disk.img"
  hx-fetch --map json "file://localhost$root/disk.img" >map1
  hx-fetch --map json "$root/disk.img" | cmp - map1
}

@test "a snapshot on a server is restored by ranges, or a part of it; one that is damaged is not" {
  hx-restore --cacert "$ca" "$url/vm.mirn" -o restored.img
  assert_same restored.img "$root/disk.img"
  hx-restore "$plain/vm.mirn" --range 5000000+70000 -o - | cmp - <(tail -c +5000001 "$root/disk.img" | head -c 70000)
  hx-restore --verify-only "$plain/vm.mirn"
  cp "$root/vm.mirn" "$root/bad.mirn"
  flip_byte "$root/bad.mirn" $(($(size_of "$root/bad.mirn") / 2))
  expect_status 1 hx-restore "$plain/bad.mirn" -o bad.img
  [ ! -e bad.img ]
  expect_status 2 hx-restore "$plain/gone.mirn" -o gone.img
}

@test "hx-info of a snapshot on a server reads its header and directory, and not its body" {
  make_dense dense.img 24M
  hx-snap-pack dense.img -o "$root/dense.mirn"
  hx-info --json "$root/dense.mirn" | jq 'del(.file)' >wanted
  expect_status 0 hx-info --json --cacert "$ca" "$url/dense.mirn"
  jq -e --arg url "$url/dense.mirn" '.file == $url' ../out
  jq 'del(.file)' ../out | cmp - wanted
  read_there=$(awk '/"GET \/dense.mirn / && $9 == 206 { sum += $10 } END { print sum + 0 }' "$dir/access.log")
  if [ "$read_there" -eq 0 ] || [ "$read_there" -gt 200000 ]; then fail "$read_there bytes were read"; fi
  ! grep '"GET /dense.mirn .* 200 ' "$dir/access.log" || fail 'it was asked for all of it'
}

@test "hx-info of what is on a server, and not: each is told, one does not keep the others from it" {
  expect_status 2 hx-info "$plain/gone.mirn?token=planted-token" "$plain/vm.mirn"
  expect_err gone.mirn 404 'token=***'
  expect_out "$plain/vm.mirn: MIRN snapshot"
  ! grep -a planted ../err ../out || fail 'a secret was told'
  expect_status 1 hx-info "$plain/disk.img"
  expect_err 'neither a MIRN snapshot nor an extent stream'
  hx-fetch "$root/disk.img" >"$root/disk.stream"
  hx-info --json "$plain/disk.stream" | jq -e '.format == "stream" and .disks[0].size == 25165824'
}

@test "hx-snap-pack takes files: of a URL it says what to do" {
  expect_status 2 hx-snap-pack "${plain/:\/\//:\/\/reader:planted@}/disk.img" -o vm.mirn
  expect_one_error hx-snap-pack
  expect_err 'is not a file here' 'hx-fetch http://***@' '| hx-snap-pack -o'
  ! grep -a planted ../err || fail 'a secret was told'
}
