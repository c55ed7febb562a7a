# shellcheck shell=bash
# qcow2 images for tests, made and written to by QEMU, and what QEMU says of them.

# q_create IMAGE SIZE [qemu-img options…]
q_create() {
  local image=$1 size=$2
  shift 2
  qemu-img create -q -f qcow2 "$@" "$image" "$size"
}
# q_write IMAGE COMMAND…: qemu-io's.
q_write() {
  local image=$1 commands=()
  shift
  for one; do commands+=(-c "$one"); done
  qemu-io -f qcow2 "${commands[@]}" "$image" >/dev/null
}
# raw_of IMAGE FILE: as QEMU reads it; a snapshot's with raw_of IMAGE FILE NAME.
raw_of() { qemu-img convert -f qcow2 -O raw ${3:+-l "snapshot.name=$3"} "$1" "$2"; }
# zero_map < a map as qemu-img prints it: where it is zero, where not, neighbours joined.
zero_map() {
  jq -c 'reduce .[] as $e ([]; if length > 0 and .[-1][2] == $e.zero then .[-1][1] += $e.length
         else . + [[$e.start, $e.length, $e.zero]] end)'
}
sound() {
  local report
  report=$(qemu-img check -f qcow2 "$1" 2>&1) || { printf '%s\n' "qemu-img check $1:" "$report" >&2; return 1; }
}
