# shellcheck shell=bash
# Disks for tests, and damage to them. Used by helpers.bash and by the soak's sections.

# --- bytes and disks: the same seed gives the same bytes on every machine -------------------------------------------

# random_bytes COUNT [SEED] > FILE: incompressible (AES-128-CTR of zeros, the seed is the key).
random_bytes() {
  head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -K "$(printf %032x "${2:-1}")" -iv 0 2>/dev/null
}
# text_bytes COUNT [SEED] > FILE: compresses about as real files do, and has no zero byte.
text_bytes() (
  set +o pipefail   # head closes the pipe early: the generator's SIGPIPE is meant
  awk -v seed="${2:-1}" 'BEGIN { srand(seed); for (;;) print int(rand() * 100000), "lorem ipsum dolor", int(rand() * 99) }' \
    2>/dev/null | head -c "$1"
)
# put_bytes FILE OFFSET COUNT [SEED]: random bytes written into FILE, which grows if it must and keeps its other bytes.
put_bytes() {
  random_bytes "$3" "${4:-1}" | dd of="$1" bs=64K oflag=seek_bytes iflag=fullblock seek="$2" conv=notrunc status=none
}
# make_dense FILE SIZE [SEED]: no zero runs, no holes. SIZE: bytes, or as truncate(1) takes it (64M).
make_dense() { random_bytes "$(numfmt --from=iec "$2")" "${3:-1}" >"$1"; }
# make_zero FILE SIZE: one hole.
make_zero() { rm -f "$1" && truncate -s "$(numfmt --from=iec "$2")" "$1"; }
# make_sparse FILE SIZE [SEED]: holes, and islands of data off every grid: at the start, over a chunk's border, and the
# last bytes. SIZE at least 1 MiB.
make_sparse() {
  local size seed=${3:-1}
  size=$(numfmt --from=iec "$2")
  make_zero "$1" "$size"
  put_bytes "$1" 0 4321 "$seed"
  put_bytes "$1" $((size / 3 + 17)) $((size / 16 + 5)) $((seed + 1))
  put_bytes "$1" $((size * 3 / 4 - 100)) 200 $((seed + 2))
  put_bytes "$1" $((size - 77)) 77 $((seed + 3))
}
# make_ext4 FILE SIZE [DIR]: a real file system, with the files of DIR in it.
make_ext4() {
  rm -f "$1"
  truncate -s "$(numfmt --from=iec "$2")" "$1"
  if [ $# -gt 2 ]; then mkfs.ext4 -q -F -d "$3" "$1"; else mkfs.ext4 -q -F "$1"; fi
}

size_of() { stat -c %s -- "$1"; }
# Bytes that FILE takes on its disk.
allocated() { echo $(($(stat -c '%b * %B' -- "$1"))); }
sha256_of() { sha256sum <"$1" | cut -d ' ' -f 1; }

# --- damage ---------------------------------------------------------------------------------------------------------

# flip_byte FILE OFFSET: every bit of the byte.
flip_byte() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  # shellcheck disable=SC2059  # the format is the byte
  printf "\\x$(printf %02x $((byte ^ 255)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
# body_of SNAPSHOT > FILE: the zstd frames, which begin at 12 + M.
body_of() { tail -c "+$(($(body_offset "$1") + 1))" "$1"; }
body_offset() { echo $((12 + $(od -An -tu4 --endian=big -j 8 -N 4 "$1"))); }
# header_of SNAPSHOT: its metadata, as JSON.
header_of() { head -c "$(body_offset "$1")" "$1" | tail -c +13; }
