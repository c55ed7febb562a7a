#!/usr/bin/env bats
# Our filters between the tools that everybody has: ssh, tar, dd, zstd, qemu-img, cmp.
load helpers

teardown() {
  [ ! -f "$BATS_TEST_TMPDIR/sshd.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/sshd.pid")" 2>/dev/null || true
  teardown_mounts
}

# start_sshd: a server of our own on the loopback, with its own keys; sets ssh_options. sshd(8) cannot choose a free
# port itself, so another one is tried where one is taken.
start_sshd() {
  require sshd ssh ssh-keygen
  local dir=$BATS_TEST_TMPDIR port
  ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
  ssh-keygen -q -t ed25519 -N '' -f "$dir/user_key"
  cp "$dir/user_key.pub" "$dir/authorized_keys"
  [ "$(id -u)" -ne 0 ] || mkdir -p /run/sshd
  for _ in 1 2 3 4 5 6 7 8; do
    port=$((20000 + RANDOM))
    cat >"$dir/sshd_config" <<END
Port $port
ListenAddress 127.0.0.1
HostKey $dir/host_key
AuthorizedKeysFile $dir/authorized_keys
PidFile $dir/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
END
    # It comes back when it listens, and has forked.
    "$(command -v sshd)" -f "$dir/sshd_config" -E "$dir/sshd.log" || continue
    ssh_options=(-p "$port" -i "$dir/user_key" -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes
      -o StrictHostKeyChecking=no -o UserKnownHostsFile="$dir/known_hosts" -o LogLevel=ERROR)
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      ssh "${ssh_options[@]}" "$(id -un)@127.0.0.1" true 2>../ssh_err && return
    done
  done
  skip "no sshd here: $(tail -n 1 "$dir/sshd.log") $(cat ../ssh_err)"
}
# remote COMMAND: over there, where our tools and this directory are.
# shellcheck disable=SC2029  # expanded here is what is meant
remote() { ssh "${ssh_options[@]}" "$(id -un)@127.0.0.1" "export PATH=$HX_BIN:\$PATH; cd $PWD && $1"; }

@test "ssh: a disk of another host into a snapshot here, and back into a disk there" {
  start_sshd
  make_sparse disk.img 32M
  remote 'hx-fetch disk.img' | hx-snap-pack -o vm.mirn
  hx-restore vm.mirn -o here.img
  assert_same here.img disk.img
  hx-snap-pack --unsealed disk.img | remote 'cat >there.mirn'
  remote 'hx-snap-seal there.mirn && hx-restore --verify-only --verify full there.mirn'
  remote 'cat there.mirn' | hx-restore -o back.img
  assert_same back.img disk.img
  hx-fetch disk.img | remote 'hx-restore -o there.img'
  assert_same there.img disk.img
  assert_sparse there.img 6M
}

@test "ssh: what fails there is known here, by its status and message" {
  start_sshd
  mkdir target
  status=0
  remote 'hx-fetch typo 2>/dev/null' | hx-snap-pack -o target/x 2>../err || status=$?
  keep_output
  [ "$status" -eq 2 ]
  expect_err 'typo: no such file'
  # And a connection that dies leaves a stream without an end.
  make_dense disk.img 8M
  status=0
  # shellcheck disable=SC2016  # its own PID, over there
  remote 'hx-fetch disk.img | { head -c 3000000; kill -KILL $PPID; }' 2>/dev/null | hx-snap-pack -o target/x 2>../err || status=$?
  keep_output
  [ "$status" -eq 1 ]
  expect_err 'stdin: cut short at byte '
  assert_no_files_left target
}

@test "tar: a directory of snapshots through a pipe" {
  make_sparse a.img 4M 1
  make_dense b.img 1M 2
  hx-fetch a.img b.img | hx-snap-pack -d backup
  mkdir there
  tar -C backup -cf - . | tar -C there -xf -
  for disk in a b; do hx-restore there/$disk.mirn -o - | cmp - $disk.img; done
  [ "$(jq -r '.disks[].file' there/manifest.json | xargs)" = 'a.mirn b.mirn' ]
  tar -C backup -cf - b.mirn | tar -xOf - b.mirn | hx-restore -o - | cmp - b.img
}

@test "dd: plain bytes, from and to it" {
  make_sparse disk.img 8M
  dd if=disk.img bs=1M status=none | hx-snap-pack --input raw --size 8M -o vm.mirn
  hx-restore vm.mirn -o - | dd of=copy.img bs=64K iflag=fullblock status=none
  assert_same copy.img disk.img
  hx-fetch --raw disk.img | dd bs=4K skip=512 count=16 iflag=fullblock status=none | cmp - <(tail -c +2097153 disk.img | head -c 65536)
}

@test "zstd: a stream compressed on the way, and a snapshot's body decompressed without us" {
  make_sparse disk.img 16M
  hx-fetch disk.img | zstd -q -1 | zstd -qd | hx-restore -o copy.img
  assert_same copy.img disk.img
  hx-snap-pack disk.img -o vm.mirn
  # What mirn(5) promises: K is 13 plus the length that the header's third word says.
  tail -c "+$(($(od -An -tu4 --endian=big -j 8 -N 4 vm.mirn) + 13))" vm.mirn | zstd -qd | cmp - disk.img
  zstd -ql <(body_of vm.mirn) >../list 2>&1 || zstd -qt < <(body_of vm.mirn)
}

@test "zstd: a compressed stream that was cut is found to be" {
  make_dense disk.img 4M
  mkdir target
  hx-fetch disk.img | zstd -q >disk.stream.zst
  expect_status 1 bash -c 'head -c 2000000 disk.stream.zst | zstd -qdc 2>/dev/null | hx-restore -o target/x'
  expect_err 'stdin: cut short at byte '
  assert_no_files_left target
}

@test "qemu-img: finds the restored disk to be what the source was, and converts it" {
  require qemu-img
  make_ext4 disk.img 32M
  qemu-img convert -f raw -O qcow2 disk.img disk.qcow2
  hx-fetch disk.img | hx-snap-pack -o vm.mirn
  hx-restore vm.mirn -o restored.img
  qemu-img compare -q -f raw -F raw disk.img restored.img
  qemu-img compare -q -f raw -F qcow2 restored.img disk.qcow2
  [ "$(qemu-img info --output=json -f raw restored.img | jq '."virtual-size"')" -eq 33554432 ]
  # A disk of another format comes in through qemu-img's own tools.
  qemu-img convert -f qcow2 -O raw disk.qcow2 plain.img
  hx-snap-pack plain.img -o again.mirn
  [ "$(hx-info --json again.mirn | jq -r .checksum)" = "$(sha256_of disk.img)" ]
}

@test "qemu-img dd and nbdcopy read what hx-fetch --raw writes" {
  require nbdkit nbdcopy
  make_sparse disk.img 8M
  hx-fetch --raw disk.img >plain.img
  nbdkit -U - --run 'nbdcopy "$uri" -' file plain.img | cmp - disk.img
  nbdkit -U - --run 'nbdcopy "$uri" -' file disk.img | hx-snap-pack --input raw --size 8M -o vm.mirn
  hx-restore vm.mirn -o - | cmp - disk.img
}

@test "sha256sum: the checksum in the header is that of the plain bytes" {
  make_sparse disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  [ "$(hx-restore vm.mirn -o - | sha256sum | cut -d ' ' -f 1)" = "$(header_of vm.mirn | jq -r .checksum)" ]
}

@test "tee: one reading, two snapshots" {
  make_sparse disk.img 8M
  hx-fetch disk.img | tee >(hx-snap-pack -1 -o fast.mirn; echo $? >second) | hx-snap-pack -9 -o small.mirn
  # The process behind tee may be the later one.
  while [ ! -s second ]; do :; done
  [ "$(cat second)" -eq 0 ]
  for snapshot in fast small; do hx-restore $snapshot.mirn -o - | cmp - disk.img; done
}
