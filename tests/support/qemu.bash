# shellcheck shell=bash
# Running machines for the tests: qemu-storage-daemon, and QEMU without a guest. A test that loads this has
# teardown() { qemu_stop; teardown_mounts; }. Each has two monitors, as one serves one client at a time: $monitor for our
# tools, $monitor.test for the test.

# daemon_start NAME FILE…: qcow2 images (raw ones: *.raw) as nodes d0, d1, …; each is a file $qemu_dir/NAME.d0 that a
# test writes to, as a guest would, through a FUSE export.
daemon_start() {
  require qemu-storage-daemon python3
  qemu_place "$1"
  local name=$1 number=0 file driver arguments=()
  shift
  for file; do
    driver=qcow2
    [[ $file != *.raw ]] || driver=raw
    : >"$qemu_dir/$name.d$number"
    arguments+=(--blockdev "driver=file,node-name=f$number,filename=$file,discard=unmap"
      --blockdev "driver=$driver,node-name=d$number,file=f$number,discard=unmap")
    [ "$daemon_export" != fuse ] || arguments+=(
      --export "type=fuse,id=live$number,node-name=d$number,mountpoint=$qemu_dir/$name.d$number,writable=on")
    number=$((number + 1))
  done
  qemu-storage-daemon --daemonize --pidfile "$qemu_dir/$name.pid" "${arguments[@]}" \
    --chardev "socket,id=c0,path=$monitor,server=on,wait=off" --monitor chardev=c0 \
    --chardev "socket,id=c1,path=$monitor.test,server=on,wait=off" --monitor chardev=c1 "${daemon_arguments[@]}" 3>&-
}
daemon_arguments=() daemon_export=fuse
# daemon_quit: in order, and when it has gone.
daemon_quit() {
  local pid
  pid=$(cat "$qemu_dir/$1.pid")
  qmp quit >/dev/null
  tail --pid="$pid" -f /dev/null
  umount -l "$qemu_dir/$1.d0" 2>/dev/null || true
}
# daemon_kill NAME
daemon_kill() {
  local pid
  pid=$(cat "$qemu_dir/$1.pid")
  kill -9 "$pid"
  tail --pid="$pid" -f /dev/null
}
# machine_start NAME FILE…: QEMU itself, stopped, with virtio disks vd0, vd1, ….
machine_start() {
  require qemu-system-x86_64 python3
  qemu_place "$1"
  local name=$1 number=0 file arguments=()
  shift
  for file; do
    arguments+=(-blockdev "driver=file,node-name=f$number,filename=$file,discard=unmap"
      -blockdev "driver=qcow2,node-name=n$number,file=f$number,discard=unmap"
      -device "virtio-blk-pci,drive=n$number,id=vd$number")
    number=$((number + 1))
  done
  qemu-system-x86_64 -name "$name" -S -display none -nodefaults -machine q35,accel=tcg -m 16 -daemonize \
    -pidfile "$qemu_dir/$name.pid" "${arguments[@]}" -qmp "unix:$monitor,server=on,wait=off" \
    -qmp "unix:$monitor.test,server=on,wait=off" 3>&-
}
qemu_place() {
  # A socket's path has 107 bytes at most.
  qemu_dir=$(mktemp -d /tmp/hx-test-XXXXXX)
  echo "$qemu_dir" >>"$BATS_TEST_TMPDIR/qemu.dirs"
  monitor=$qemu_dir/$1.qmp
  export TMPDIR=$qemu_dir/tmp
  mkdir -p "$TMPDIR"
}
qmp() { "$HX_ROOT/tests/support/qmp" "$monitor.test" "$@"; }
# proxy_start: $monitor becomes one that copies each point in time to $qemu_dir/copy-N-M.raw.
proxy_start() {
  "$HX_ROOT/tests/support/qmp_proxy" "$qemu_dir/proxy.qmp" "$monitor" "$qemu_dir" 3>&- &
  echo $! >"$qemu_dir/proxy.pid"
  until [ -e "$qemu_dir/proxy.qmp" ]; do read -r -t 0.02 <> <(:) || true; done
}
# writer_start DISK SEED [PAUSE]: writes for ever to $qemu_dir/NAME.dN.
writer_start() {
  "$HX_ROOT/tests/support/disk_writer" "$@" 3>&- &
  echo $! >"$qemu_dir/writer-$!.pid"
  writer_pid=$!
}
writer_stop() {
  kill "$writer_pid"
  wait "$writer_pid" || true
}
# copies_done: waits for the copies that the proxy asked for, and lets go of them.
copies_done() {
  local node
  while qmp query-jobs | jq -e 'any(.[]; .id | startswith("copy"))' >/dev/null; do :; done
  for node in $(qmp query-named-block-nodes '{"flat": true}' | jq -r '.[]."node-name" | select(startswith("copy"))'); do
    qmp blockdev-del "{\"node-name\": \"$node\"}" >/dev/null
  done
}
# What there is inside QEMU by its name: jobs, exports, nodes; of the bitmaps only their number.
names_inside() {
  { qmp query-jobs | jq -r '.[].id'
    qmp query-block-exports | jq -r '.[].id'
    qmp query-named-block-nodes '{"flat": true}' | jq -r '.[]."node-name"'; } | sort
}
bitmaps_of() {
  qmp query-named-block-nodes '{"flat": true}' |
    jq -r --arg node "$1" '.[] | select(."node-name" == $node) | ."dirty-bitmaps"[]? | .name' | sort -V
}
# assert_nothing_left NAMES: inside QEMU is what was there, and nothing of ours lies in the temporary directory.
assert_nothing_left() {
  local now
  now=$(names_inside)
  [ "$now" = "$1" ] || fail "inside QEMU: ${now//$'\n'/ }" "before: ${1//$'\n'/ }"
  [ -z "$(ls -A "$TMPDIR")" ] || fail "in $TMPDIR: $(ls -A "$TMPDIR")"
}
# Ends what was started, and waits until it has gone.
qemu_stop() {
  local directory file pid
  [ -e "$BATS_TEST_TMPDIR/qemu.dirs" ] || return 0
  while read -r directory; do
    for file in "$directory"/*.pid; do
      [ -s "$file" ] || continue
      pid=$(cat "$file")
      kill -9 "$pid" 2>/dev/null || continue
      tail --pid="$pid" -f /dev/null
    done
    for file in "$directory"/*.d[0-9]; do umount -l "$file" 2>/dev/null || true; done
    rm -rf "$directory"
  done <"$BATS_TEST_TMPDIR/qemu.dirs"
}
