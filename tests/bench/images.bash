# shellcheck shell=bash
# The images that are measured: made once from real files of this machine, kept in build/bench.
#   thin  an ext4 disk, mostly holes      full  real files one after another, no hole
#   noise incompressible                  data  what thin holds besides holes, for the cost of its stages

make_images() {
  local virtual=4G content=$((1200 << 20)) full_bytes=$((2 << 30)) noise_bytes=$((1 << 30)) suffix=''
  if [ "$quick" -eq 1 ]; then virtual=512M content=$((150 << 20)) full_bytes=$((256 << 20)) noise_bytes=$((128 << 20)) suffix=-quick; fi
  thin=$images/thin$suffix.img full=$images/full$suffix.img noise=$images/noise$suffix.img data=$images/data$suffix.img
  if ! { [ -s "$thin" ] && [ -s "$full" ] && [ -s "$noise" ] && [ -s "$data" ]; }; then
    echo 'making the images (once)' >&2
    local files=$images/files.$$
    tests/support/real-files.sh "$files" "$content"
    rm -f "$thin" "$thin.part"
    truncate -s "$virtual" "$thin.part"
    mkfs.ext4 -q -F -d "$files" "$thin.part"
    rm -rf "$files"
    copy_data "$thin.part" "$data"
    # More files than the thin one holds; all of them again if the machine has not enough.
    : >"$full.part"
    tests/support/real-files.sh "$files" $((full_bytes + full_bytes / 8))
    while [ "$(stat -c %s "$full.part")" -lt "$full_bytes" ]; do
      find "$files" -type f -print0 | LC_ALL=C sort -z | xargs -0 cat >>"$full.part"
    done
    truncate -s "$full_bytes" "$full.part"
    rm -rf "$files"
    head -c "$noise_bytes" /dev/zero | openssl enc -aes-128-ctr -nosalt -K "$(printf %032x 7)" -iv 0 >"$noise" 2>/dev/null
    mv "$full.part" "$full"
    mv "$thin.part" "$thin"
  fi
  thin_size=$(stat -c %s "$thin") full_size=$(stat -c %s "$full") thin_data=$(stat -c %s "$data")
}

# The data extents of a sparse file, one after another, by QEMU's map of it: not by our own code.
copy_data() {
  qemu-img map --output=json -f raw "$1" | jq -r '.[] | select(.data) | "\(.start) \(.length)"' |
    while read -r start length; do
      dd if="$1" bs=1M iflag=skip_bytes,count_bytes skip="$start" count="$length" status=none
    done >"$2"
}

# Memory is written to where it has room for the largest outputs beside the images' pages, else the disk, with a sync after
# each run that all tools pay alike. Huge pages if we may mount: with pages of 4 KiB tmpfs takes 0.45 s for each GiB of a
# new file, one thread at a time whatever the tool does, and all of them are as fast as the slowest.
choose_scratch() {
  local need=$((full_size * 4)) free
  free=$(awk '/^MemAvailable/ { printf "%.0f", $2 * 1024 }' /proc/meminfo)
  sync_after=''
  if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] && [ "$free" -gt $((need + thin_size + full_size)) ] &&
    [ $(($(df --output=avail -B 1 /dev/shm | tail -n 1))) -gt $need ]; then
    scratch=$(mktemp -d /dev/shm/hx-bench.XXXXXX) scratch_kind='memory (tmpfs)'
    if [ "${HX_BENCH_MOUNTS:-}" = own ] && mount -t tmpfs -o "huge=always,size=$need" hx-bench "$scratch" 2>/dev/null; then
      scratch_kind='memory (tmpfs, huge pages)'
    fi
  else
    scratch=$(mktemp -d "$images/scratch.XXXXXX") scratch_kind='disk (each run synced)' sync_after='sync -f .'
  fi
}
