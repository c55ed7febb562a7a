#!/usr/bin/env bats
# Disks out of NBD servers, and into them.
load helpers
load ../support/nbd
teardown() { nbd_stop; teardown_mounts; }

@test "what each server exports becomes a snapshot, and that the same disk on each server" {
  make_sparse disk.img 64M
  truncate -s 64M new.img
  for server in nbdkit qemu daemon; do
    cp --sparse=always disk.img source.img
    yes old | dd of=target.img bs=1M count=66 iflag=fullblock status=none
    case $server in
      nbdkit) nbd_serve from -r file source.img && source=$uri && nbd_serve to file target.img ;;
      qemu) nbd_serve_qemu from -r -f raw source.img && source=$uri && nbd_serve_qemu to -f raw target.img ;;
      daemon) nbd_serve_daemon from source.img && source=$uri && nbd_serve_daemon to target.img ;;
    esac
    hx-fetch "$source" | hx-snap-pack -o "$server.mirn"
    hx-restore --verify-only "$server.mirn"
    hx-restore "$server.mirn" -o "$uri"
    nbd_stop
    cmp -n $((64 << 20)) disk.img target.img
    cmp -i $((64 << 20)) <(yes old | head -c $((66 << 20))) target.img
  done
}

@test "zeros of an export are not read, and its map says where they are" {
  make_sparse disk.img 64M
  nbd_serve d -r file disk.img
  expect_status 0 hx-fetch --map=json "$uri"
  nbdinfo --json --map "$uri" >nbdinfo.json
  [ "$(jq '[.[] | select(.zero) | .length] | add' ../out)" = \
    "$(jq '[.[] | select(.type >= 2) | .length] | add' nbdinfo.json)" ]
}

@test "a server that is killed while it is read leaves nothing, and is worth another try" {
  # It kills itself in the middle: whenever that comes, the copy is under way.
  nbd_serve d eval get_size='echo 8388608' \
    pread='[ "$4" -lt 4194304 ] || kill -9 $PPID; head -c "$3" /dev/zero | tr "\0" x'
  expect_pipe '5 5' "hx-fetch '$uri' | hx-snap-pack -o vm.mirn"
  expect_err "$uri: read at " 'the connection broke'
  assert_no_files_left .
}

@test "a server that is killed while it is written fails the restore, which says how far it came" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  nbd_serve d eval get_size='echo 8388608' pread='head -c "$3" /dev/zero' \
    pwrite='[ "$4" -lt 4194304 ] || kill -9 $PPID; cat >/dev/null'
  expect_status 5 hx-restore vm.mirn -o "$uri"
  expect_err 'the connection broke' 'restore it again'
  assert_no_files_left . disk.img vm.mirn
}

@test "what a server says of a request is the status: EIO, no space, no permission" {
  make_dense disk.img 4M
  hx-snap-pack disk.img -o vm.mirn
  nbd_serve read --filter=error pattern 4M error-pread=EIO error-pread-rate=100%
  expect_pipe '9 9' "hx-fetch '$uri' | hx-snap-pack -o new.mirn"
  expect_err "$uri: read at " 'Input/output error'
  nbd_serve full --filter=error memory 4M error-pwrite=ENOSPC error-pwrite-rate=100%
  expect_status 7 hx-restore vm.mirn -o "$uri"
  nbd_serve denied --filter=error memory 4M error-pwrite=EPERM error-pwrite-rate=100%
  expect_status 6 hx-restore vm.mirn -o "$uri"
  assert_no_files_left . disk.img vm.mirn
}

@test "a server that tries again by itself, and one that is slow, are no failures" {
  make_dense disk.img 1M
  touch ../fail-once
  nbd_serve retries --filter=retry-request --filter=delay eval get_size='echo 1048576' rdelay=5ms \
    retry-request-delay=1 \
    pread="if rm '$BATS_TEST_TMPDIR/fail-once' 2>/dev/null; then echo EIO >&2; exit 1; fi
           tail -c +\$((\$4 + 1)) '$PWD/disk.img' | head -c \$3"
  hx-fetch --raw "$uri" >copy.img
  assert_same disk.img copy.img
  [ ! -e ../fail-once ]
}

@test "a target that cannot take the disk is told before anything is written to it" {
  make_dense disk.img 4M
  hx-snap-pack disk.img -o vm.mirn
  head -c 2M /dev/zero | tr '\0' x >small.img
  cp small.img before.img
  nbd_serve small file small.img
  expect_status 10 hx-restore vm.mirn -o "$uri"
  expect_err "$uri: too small: 2097152 bytes, the disk has 4194304"
  assert_same before.img small.img
  nbd_serve fixed -r memory 4M
  expect_status 6 hx-restore vm.mirn -o "$uri"
  expect_err 'read-only'
  nbd_serve there memory 4M
  expect_status 10 hx-restore -o "$uri" < <(cat vm.mirn)
  expect_err '--force overwrites it all the same'
  expect_pipe '0 0' "cat vm.mirn | hx-restore --force -o '$uri'"
}

@test "only the differences are written, where the export has most of the disk" {
  make_dense disk.img 8M
  hx-snap-pack disk.img -o vm.mirn
  cp disk.img target.img
  printf new | dd of=target.img bs=1 seek=3000000 conv=notrunc status=none
  nbd_serve d file target.img
  hx-restore --only-differences --json vm.mirn -o "$uri" >receipt.json
  assert_same disk.img target.img
  [ "$(jq .written receipt.json)" -le 1048576 ]
}

@test "nobody there is temporary, a wrong location is usage" {
  expect_status 5 hx-fetch "nbd+unix:///?socket=$PWD/nobody"
  expect_err "nbd+unix:///?socket=$PWD/nobody: "
  expect_status 2 hx-fetch 'nbd+unix:///'
}

@test "an export that clients may write is marked as not proven unchanged" {
  nbd_serve d memory 1M
  hx-fetch "$uri" | hx-snap-pack -o written.mirn
  expect_status 0 hx-info --json written.mirn
  expect_out '"none"'
  nbd_serve e -r memory 1M
  hx-fetch "$uri" | hx-snap-pack -o fixed.mirn
  expect_status 0 hx-info --json fixed.mirn
  expect_out '"unchanged"'
}

@test "a server that ends with its last client, or that is told to end, serves who is there" {
  make_dense disk.img 4M
  nbd_serve last --filter=exitlast -r file disk.img
  hx-fetch --raw "$uri" | cmp - disk.img
  timeout 20 tail --pid="$nbd_pid" -f /dev/null
  expect_status 5 hx-fetch --raw "$uri"
  nbd_serve told --filter=exitwhen -r file disk.img exit-when-file-created="$BATS_TEST_TMPDIR/end"
  mkfifo ../pipe
  hx-fetch --raw "$uri" >../pipe 3>&- &
  local tool=$!
  exec 4<../pipe
  head -c 1 <&4 >../copy.img   # it is connected now
  touch ../end
  expect_status 5 hx-fetch --raw "$uri"
  cat <&4 >>../copy.img
  wait $tool
  assert_same disk.img ../copy.img
  timeout 20 tail --pid="$nbd_pid" -f /dev/null
}

@test "SIGTERM leaves no server that was started for an image, no socket and no temporary file" {
  require qemu-img qemu-nbd
  make_dense disk.img 8M
  qemu-img convert -f raw -O vmdk disk.img disk.vmdk
  mkdir ../tmp
  mkfifo ../pipe
  TMPDIR=$BATS_TEST_TMPDIR/tmp hx-fetch --raw disk.vmdk >../pipe 3>&- &
  local tool=$! server status=0
  exec 4<../pipe
  head -c 1 <&4 >/dev/null   # in the middle: the rest fits into no pipe
  server=$(pgrep -P $tool qemu-nbd)
  kill -TERM $tool
  wait $tool || status=$?
  exec 4<&-
  [ $status -eq 143 ]
  timeout 20 tail --pid="$server" -f /dev/null
  [ -z "$(ls -A ../tmp)" ]
  assert_no_files_left . disk.img disk.vmdk
}

@test "a server that says nothing is lost after --timeout" {
  make_dense disk.img 1M
  hx-snap-pack disk.img -o vm.mirn
  nbd_serve slow --filter=delay memory 1M delay-read=600 delay-write=600
  expect_status 5 hx-restore --timeout 1 vm.mirn -o "$uri"
  expect_err "$uri: write at " 'no answer within 1 s'
  nbd_serve slow-read --filter=delay pattern 1M delay-read=600
  expect_status 5 hx-fetch --timeout 1 --raw "$uri"
  expect_err "$uri: read at " 'no answer within 1 s'
}
