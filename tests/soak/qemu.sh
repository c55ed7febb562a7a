# shellcheck shell=bash
# A machine that writes all the time: 30 generations and more, killed runs between them, in-order restarts; each exact
# shellcheck disable=SC2034  # for qemu.bash
BATS_TEST_TMPDIR=$PWD
require() {
  local command
  for command; do command -v "$command" >/dev/null || { echo "$command is not installed"; exit 77; }; done
}
fail() { printf '%s\n' "$@"; return 1; }
source "$HX_ROOT/tests/support/qemu.bash"
trap qemu_stop EXIT
RANDOM=$((HX_SEED % 32768))
apply() { "$HX_ROOT/tests/support/apply_stream" "$@"; }

begin() {
  daemon_start vm "$PWD/d.qcow2"
  before=$(names_inside)
  proxy_start
  writer_start "$qemu_dir/vm.d0" $((HX_SEED + RANDOM)) 0.0005
}
# killed: a run that dies somewhere.
killed() {
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >killed.stream 2>/dev/null &
  local pid=$!
  sleep "0.$((RANDOM % 1000))"
  { kill -9 $pid || true; wait $pid || true; } 2>/dev/null
  kills=$((kills + 1))
}

qemu-img create -q -f qcow2 d.qcow2 256M
begin
hx-cbt enable -q "qemu:$monitor"
hx-fetch "qemu:$qemu_dir/proxy.qmp" >g.stream
token=$(apply --token 0 <g.stream)
apply disk.img <g.stream 2>/dev/null
copies_done
generations=0 kills=0 restarts=0 end=$((SECONDS + HX_MINUTES * 60))
while [ $generations -lt 30 ] || [ $SECONDS -lt $end ]; do
  for ((i = RANDOM % 4; i > 0; i--)); do killed; done
  copies_done
  rm -f "$qemu_dir"/copy-*
  hx-cbt-diff --since "$token" "qemu:$qemu_dir/proxy.qmp" >g.stream
  apply disk.img <g.stream 2>/dev/null
  copies_done
  cmp disk.img "$qemu_dir"/copy-*.raw
  assert_nothing_left "$before"
  token=$(apply --token 0 <g.stream)
  generations=$((generations + 1))
  if [ $((RANDOM % 8)) -eq 0 ]; then
    { writer_stop; } 2>/dev/null
    daemon_quit vm
    qemu-img check -q d.qcow2
    begin
    restarts=$((restarts + 1))
  fi
done
echo "$generations generations, $kills kills, $restarts restarts"
