#!/usr/bin/env bats
# Disks on a real SSH server, by SFTP.
load helpers
# shellcheck source=../support/web_servers.bash
source "$HX_ROOT/tests/support/web_servers.bash"

setup_file() {
  [ -x /usr/sbin/sshd ] || return 0
  cd "$BATS_FILE_TMPDIR" || return 1
  make_ext4 disk.img 12M
  start_sshd
}
teardown_file() { stop_servers; }
setup() {
  hx_setup
  require sshd ssh-keygen ssh-keyscan
  dir=$BATS_FILE_TMPDIR/sshd
  disk=$BATS_FILE_TMPDIR/disk.img
  url=sftp://127.0.0.1:$(<"$dir/port")
  mkdir -p ~/.ssh
  cp "$dir/id" ~/.ssh/id_ed25519
  cp "$dir/id.pub" ~/.ssh/id_ed25519.pub
  cp "$dir/known_hosts" ~/.ssh/known_hosts
  unset SSH_AUTH_SOCK
}

@test "a disk by SFTP becomes a snapshot" {
  hx-fetch "$url$disk" | hx-snap-pack --json -o vm.mirn >receipt
  hx-restore vm.mirn -o restored.img
  assert_same restored.img "$disk"
  jq -e '.disks[0].zero_bytes > 0' receipt
  hx-fetch --raw --range 3000000+5000 "$url$disk" | cmp - <(tail -c +3000001 "$disk" | head -c 5000)
}

@test "a host whose key is not known is not talked to: status 6" {
  : >~/.ssh/known_hosts
  expect_status 6 hx-fetch --retries 0 --raw "$url$disk"
  rm ~/.ssh/known_hosts
  expect_status 6 hx-fetch --retries 0 --raw "$url$disk"
  ssh-keygen -q -t ed25519 -N '' -f wrong
  echo "[127.0.0.1]:$(<"$dir/port") $(cut -d' ' -f1,2 wrong.pub)" >~/.ssh/known_hosts
  expect_status 6 hx-fetch --retries 0 --raw "$url$disk"
}

@test "a key that is not let in is status 6, a file that is not there status 2" {
  expect_status 2 hx-fetch --retries 0 --raw "$url$disk.gone"
  ssh-keygen -q -t ed25519 -N '' -f other
  cp other ~/.ssh/id_ed25519
  cp other.pub ~/.ssh/id_ed25519.pub
  expect_status 6 hx-fetch --retries 0 --raw "$url$disk"
}

@test "a file that changes while it is read: status 3" {
  make_dense live.img 12M
  mkfifo out
  hx-fetch --raw -j 1 "$url$PWD/live.img" >out 2>../err &
  local source=$!
  { head -c 4200000; truncate -s 5M live.img; touch -d 2001-01-01 live.img; cat; } <out >/dev/null
  status=0
  wait $source || status=$?
  keep_output
  [ "$status" -eq 3 ] || fail "status $status: $err"
}

@test "an export by SFTP that is killed goes on, and ends with the right bytes" {
  make_dense big.img 12M
  hx-export --limit-rate 8MB --checkpoint-interval 0.1s "$url$PWD/big.img" -d out 3>&- &
  local run=$!
  wait_for grep -qs '"ranges"' out/.big.checkpoint
  kill -9 $run
  wait $run || true
  expect_status 0 hx-export --json "$url$PWD/big.img" -d out
  expect_err 'big.img: resumed from checkpoint'
  jq -e '.resumed > 0 and .resumed + .fetched == .size' ../out
  assert_same out/big.img big.img
  assert_no_files_left out big.img
}
