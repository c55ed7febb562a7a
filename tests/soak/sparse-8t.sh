# shellcheck shell=bash
# An 8 TiB sparse disk with islands, not sealed: packed, shown and restored in 60 s and 256 MiB of memory
source "$HX_ROOT/tests/support/disks.bash"
size=$((8 << 40))
if ! truncate -s $size disk.img; then echo 'this file system has no files of 8 TiB'; exit 77; fi
for island in 0 1 2 3 4 5 6 7; do put_bytes disk.img $((island * (size / 8) + island * 4097)) $((1000003 * (island + 1))) $((HX_SEED + island)); done
put_bytes disk.img $((size - 77)) 77 "$HX_SEED"

started=$EPOCHREALTIME
most() { /usr/bin/time -f '%M' -o memory "$@"; echo "$(tail -n 1 memory) KiB: $*" >&2; [ "$(tail -n 1 memory)" -le 262144 ]; }
most hx-snap-pack --no-checksum disk.img -o vm.mirn
most hx-info --json vm.mirn >info.json
grep -q $size info.json
most hx-restore vm.mirn -o restored.img
took=$(awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
echo "packed, shown, restored in $took s"

# What either file has on disk is the same in both: the rest is holes in both.
[ "$(size_of restored.img)" -eq $size ]
for file in disk.img restored.img; do
  qemu-img map --output=json -f raw $file | jq -r '.[] | select(.data) | "\(.start) \(.length)"' >ranges
  [ -s ranges ]
  while read -r start length; do cmp -i "$start" -n "$length" disk.img restored.img; done <ranges
done
awk -v took="$took" 'BEGIN { exit !(took <= 60) }'
