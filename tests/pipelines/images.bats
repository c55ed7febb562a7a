#!/usr/bin/env bats
# Disk images of other formats: what QEMU made is what we read, what we write is what others read, and what an image
# names outside its own directory is not opened.
load helpers

setup() {
  hx_setup
  require qemu-img qemu-nbd
}

# image DISK NAME [OPTIONS…]: DISK as an image of the format that the suffix says.
image() {
  local disk=$1 name=$2 format=${2##*.}
  shift 2
  [ "$format" != vhd ] || format=vpc
  qemu-img convert -f raw -O "$format" "$@" "$disk" "$name"
}
no_server_left() { ! pgrep -f "qemu-nbd .*$PWD|qemu-nbd.*/proc/self/fd" >/dev/null || fail "$(pgrep -af qemu-nbd)"; }

@test "each format, sparse: fetched, packed, restored, the same bytes" {
  make_sparse disk.img 9M
  image disk.img a.qcow2
  image disk.img b.vmdk
  image disk.img c.vmdk -o subformat=streamOptimized
  image disk.img d.vmdk -o subformat=monolithicFlat
  image disk.img e.vmdk -o subformat=twoGbMaxExtentSparse
  image disk.img f.vhdx
  image disk.img g.vhd -o subformat=fixed,force_size
  image disk.img h.vhd -o force_size
  for disk in [a-h].*; do
    hx-fetch --raw "$disk" | cmp - disk.img || fail "$disk"
  done
  for disk in a.qcow2 d.vmdk; do
    hx-snap-pack "$disk" -o $disk.mirn
    hx-restore $disk.mirn -o - | cmp - disk.img
  done
  # What is zero in it is not sent.
  [ "$(hx-fetch -q f.vhdx | wc -c)" -lt 2000000 ]
  no_server_left
}

@test "each format that is written is what QEMU, and readers of others, take for the disk" {
  make_sparse disk.img 9M
  hx-snap-pack disk.img -o vm.mirn
  for format in qcow2 vmdk vhdx; do
    hx-restore vm.mirn -o new.$format
    qemu-img compare -q -f raw -F $format disk.img new.$format
    expect_status 10 hx-restore vm.mirn -o new.$format
    hx-fetch disk.img | hx-restore --force -o new.$format
    hx-fetch --raw new.$format | cmp - disk.img
  done
  grep -aq 'RW 18432 SPARSE "new.vmdk"' new.vmdk
  assert_sparse new.qcow2 4M
  assert_no_files_left . disk.img vm.mirn new.qcow2 new.vmdk new.vhdx
  no_server_left
}

@test "what is written is read by libvhdi, libvmdk and libqcow too" {
  require vhdimount vmdkmount qcowmount
  [ -c /dev/fuse ] || skip 'no /dev/fuse'
  require_root
  make_sparse disk.img 9M
  hx-snap-pack disk.img -o vm.mirn
  mkdir mnt
  for reader in vhdimount:vhdx:vhdi1 vmdkmount:vmdk:vmdk1 qcowmount:qcow2:qcow1; do
    IFS=: read -r tool format file <<<"$reader"
    hx-restore vm.mirn -o "new.$format"
    "$tool" "new.$format" mnt >/dev/null 2>../fuse || skip "$tool: $(tail -n 1 ../fuse)"
    cmp "mnt/$file" disk.img || { umount mnt; fail "$tool reads something else"; }
    umount mnt
  done
}

@test "a target is whole or not there: cut streams, odd sizes, a source that is none" {
  make_dense disk.img 3M
  hx-fetch disk.img >whole
  head -c 2000000 whole >short
  expect_status 1 hx-restore short -o new.qcow2
  truncate -s 1000001 odd.img
  hx-snap-pack odd.img -o odd.mirn
  expect_status 8 hx-restore odd.mirn -o new.qcow2
  expect_err 'sectors of 512'
  assert_no_files_left . disk.img whole short odd.img odd.mirn
  no_server_left
}

@test "a chain is read as one disk; its backing files lie below the image, or where that is allowed" {
  mkdir vm pool
  make_sparse disk.img 4M
  cp disk.img pool/base.img
  qemu-img convert -f raw -O qcow2 pool/base.img vm/base.qcow2
  qemu-img create -q -f qcow2 -F qcow2 -b base.qcow2 vm/tip.qcow2
  qemu-io -f qcow2 -c 'write -q -P 7 1M 64k' vm/tip.qcow2
  qemu-img convert -f qcow2 -O raw vm/tip.qcow2 now.img
  hx-fetch --raw vm/tip.qcow2 | cmp - now.img
  # Outside: by its name, and by a link that looks as if it were inside.
  qemu-img create -q -f qcow2 -F raw -b ../pool/base.img vm/out.qcow2
  ln -s ../pool/base.img vm/link.img
  qemu-img create -q -f qcow2 -F raw -b link.img vm/link.qcow2
  for image in out link; do
    expect_status 10 hx-fetch --raw vm/$image.qcow2
    expect_one_error hx-fetch
    expect_err 'pool/base.img, which is not below its own directory' --allow-backing
    [ -z "$out" ] || fail 'something was sent'
    hx-fetch --raw --allow-backing pool vm/$image.qcow2 | cmp - disk.img
  done
  # A directory whose name only begins like it.
  mkdir vm2 && cp disk.img vm2/base.img
  qemu-img create -q -f qcow2 -F raw -b ../vm2/base.img vm/out.qcow2
  expect_status 10 hx-snap-pack vm/out.qcow2 -o x.mirn
}

@test "extents and data files obey the same rule; one that is cut short is no zeros" {
  mkdir vm out
  make_dense disk.img 2M
  image disk.img vm/disk.vmdk -o subformat=monolithicFlat
  mv vm/disk-flat.vmdk out
  sed -i 's,"disk-flat.vmdk","../out/disk-flat.vmdk",' vm/disk.vmdk
  expect_status 10 hx-fetch --raw vm/disk.vmdk
  hx-fetch --raw --allow-backing out vm/disk.vmdk | cmp - disk.img
  truncate -s -512 out/disk-flat.vmdk
  expect_status 1 hx-fetch --raw --allow-backing out vm/disk.vmdk
  expect_err 'cut short'
  (cd vm && qemu-img create -q -f qcow2 -o data_file=../out/data.raw data.qcow2 1M)
  expect_status 10 hx-fetch --raw vm/data.qcow2
  hx-fetch --raw --allow-backing out vm/data.qcow2 | cmp - <(head -c 1M /dev/zero)
}

@test "names that are no files, formats that are not stated, and encryption are refused" {
  make_dense disk.img 1M
  qemu-img create -q -f qcow2 -u -F raw -b 'json:{"driver":"file","filename":"disk.img"}' json.qcow2 1M
  qemu-img create -q -f qcow2 -u -F raw -b nbd://127.0.0.1:1/x nbd.qcow2 1M
  for image in json nbd; do
    expect_status 8 hx-fetch --raw $image.qcow2
    expect_err 'which is no file'
  done
  qemu-img create -q -f qcow2 -F raw -b disk.img guess.qcow2
  # As QEMU wrote it before 6.1: the extension with the format becomes an unknown one.
  at=$(LC_ALL=C grep -aboP '\xe2\x79\x2a\xca' guess.qcow2 | head -n 1 | cut -d : -f 1)
  printf '\1\1\1\1' | dd of=guess.qcow2 bs=1 seek="$at" conv=notrunc status=none
  expect_status 8 hx-fetch --raw guess.qcow2
  expect_err 'does not say which format' 'qemu-img rebase'
  qemu-img create -q -f qcow2 secret.qcow2 1M
  printf '\1' | dd of=secret.qcow2 bs=1 seek=35 conv=notrunc status=none   # crypt_method: AES
  expect_status 8 hx-fetch --raw secret.qcow2
  expect_err 'encrypted'
}

@test "what a guest wrote into sector 0 selects nothing, anywhere" {
  make_dense disk.img 1M
  cp disk.img other.img
  qemu-img create -q -f qcow2 -F raw -b other.img evil.qcow2
  printf 'MIRN\0\0\0\1' >mirn
  printf 'HXSTREAM' >stream
  for evil in evil.qcow2 mirn stream; do
    cp disk.img guest.img
    dd if=$evil of=guest.img conv=notrunc bs=64K count=1 status=none
    hx-fetch --raw guest.img | cmp - guest.img
    hx-snap-pack -q guest.img -o $evil.mirn
    hx-restore $evil.mirn -o again.img
    assert_same again.img guest.img
    # A fixed VHD's first sector is the guest's too; so is that of a target that is overwritten.
    image guest.img guest.vhd -o subformat=fixed,force_size
    hx-fetch --raw guest.vhd | cmp - guest.img
    hx-restore --in-place $evil.mirn -o other.img
    assert_same other.img guest.img
    rm again.img guest.vhd
  done
  # Nor does a dynamic VHD's header there make a fixed one dynamic.
  cp disk.img guest.img
  image guest.img dynamic.vhd -o force_size
  dd if=dynamic.vhd of=guest.img conv=notrunc bs=512 count=3 status=none
  image guest.img guest.vhd -o subformat=fixed,force_size
  hx-fetch --raw guest.vhd | cmp - guest.img
}

@test "an image that QEMU writes to is refused, and read with --force" {
  make_dense disk.img 1M
  image disk.img disk.qcow2
  qemu-nbd --persistent --fork --pid-file="$PWD/pid" --socket="$PWD/sock" -f qcow2 disk.qcow2
  wrong=''
  expect_status 10 hx-snap-pack disk.qcow2 -o vm.mirn || wrong=1
  expect_err 'locked by QEMU for writing' --force || wrong=1
  hx-snap-pack --force disk.qcow2 -o vm.mirn || wrong=1
  kill "$(cat pid)"
  [ -z "$wrong" ]
  hx-info --json vm.mirn | jq -e '.consistency == "none"' >../json
}

@test "a disk that a machine uses heals a snapshot: what is taken of it has the right digest" {
  make_dense disk.img 1M
  image disk.img disk.qcow2
  hx-snap-pack -q disk.qcow2 -o vm.mirn
  flip_byte vm.mirn $(($(body_offset vm.mirn) + 100))
  qemu-nbd --persistent --fork --pid-file="$PWD/pid" --socket="$PWD/sock" -f qcow2 disk.qcow2
  wrong=''
  expect_status 0 hx-restore --heal-from disk.qcow2 vm.mirn -o got.img || wrong=1
  kill "$(cat pid)"
  [ -z "$wrong" ]
  assert_same got.img disk.img
}

@test "a file of the chain that changes while it is read is status 3" {
  mkfifo go
  make_dense base.img 8M
  qemu-img create -q -f qcow2 -F raw -b base.img tip.qcow2
  hx-fetch tip.qcow2 >go & pid=$!
  exec 7<go
  head -c 100000 <&7 >/dev/null
  touch base.img
  cat <&7 >/dev/null
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 3 ]
}

@test "without qemu-nbd the error says what to install" {
  make_dense disk.img 1M
  image disk.img disk.vmdk
  mkdir bin
  for tool in sh cat; do ln -s "$(command -v $tool)" bin; done
  expect_status 8 env PATH="$PWD/bin" "$HX_BIN/hx-fetch" --raw disk.vmdk
  expect_err 'not installed' qemu-utils
  hx-snap-pack -q disk.img -o vm.mirn
  expect_status 8 env PATH="$PWD/bin" "$HX_BIN/hx-restore" vm.mirn -o new.qcow2
  expect_err qemu-utils
  [ ! -e new.qcow2 ]
}

@test "a tool that is killed leaves no server, socket or temporary file" {
  make_dense disk.img 8M
  image disk.img disk.vmdk
  export TMPDIR=$PWD/tmp
  mkdir tmp
  mkfifo go
  hx-fetch disk.vmdk >go & pid=$!
  exec 7<go
  head -c 1000 <&7 >/dev/null
  server=$(pgrep -f 'qemu-nbd.*/proc/self/fd' | head -n 1)
  [ -n "$server" ]
  kill -KILL "$pid"
  wait "$pid" || true
  tail --pid="$server" -f /dev/null
  assert_no_files_left tmp
}

# servers_of FILE: the qemu-nbd processes that have it open.
servers_of() {
  local pid
  for pid in $(pgrep -x qemu-nbd); do
    if readlink "/proc/$pid/fd"/* 2>/dev/null | grep -qxF "$1"; then echo "$pid"; fi
  done
}

@test "killed before the server has answered: it goes too, though no client ever came" {
  make_dense disk.img 1M
  image disk.img disk.vmdk
  mkdir bin
  mkfifo started
  # A server that is as slow as can be.
  printf '#!/bin/sh\necho $$ >"%s/started"\nexec sleep 1000\n' "$PWD" >bin/qemu-nbd
  chmod +x bin/qemu-nbd
  PATH=$PWD/bin:$PATH hx-fetch --raw disk.vmdk >/dev/null 2>&1 3>&- & tool=$!
  server=$(timeout 20 cat started) || fail "no server was started"
  kill -KILL "$tool"
  wait "$tool" || true
  timeout 20 tail --pid="$server" -f /dev/null || { kill -KILL "$server"; fail 'the server stays'; }
}

@test "killed at any moment of the start: no server stays" {
  make_dense disk.img 1M
  image disk.img disk.vmdk
  export TMPDIR=$PWD/tmp
  mkdir tmp
  RANDOM=$((${HX_SEED:-20260101} % 32768))
  for _ in $(seq 40); do
    timeout -s KILL "0.$(printf %03d $((RANDOM % 60)))" hx-fetch --raw disk.vmdk >/dev/null 3>&- || true
    for server in $(servers_of "$PWD/disk.vmdk"); do
      timeout 20 tail --pid="$server" -f /dev/null || { kill -KILL "$server"; fail 'a server stays'; }
    done
  done
}
