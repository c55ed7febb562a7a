# shellcheck shell=bash
# The rows: what is run, against whom, and what the stages of the work cost at least.

# Seconds a byte, on one core, of each stage; the sums below are the bounds.
#   hash    SHA-256 without reading      read, write  the page cache to and from a buffer
#   pack_L, decode_L (by level and image)  zstd on independent chunks of 1 MiB, in memory
#   pipe    a file's pages through a pipe of 1 MiB, to a thread that only reads     xxh3
declare -A cost
micro=${HX_BIN:-build/release/bin}/bench_micro
[[ $micro == /* ]] || micro=$PWD/$micro
measure_stages() {
  echo 'measuring the stages' >&2
  contestant hash "openssl dgst -sha256 $full"
  contestant read "dd if=$full of=/dev/null bs=1M status=none"
  contestant copy "dd if=$full of=copy bs=1M status=none"
  measure
  cost[read]=$(calc "${cpu[1]} / $full_size * 1.0e9")
  cost[hash]=$(calc "(${cpu[0]} - ${cpu[1]}) / $full_size * 1.0e9")
  cost[write]=$(calc "(${cpu[2]} - ${cpu[1]}) / $full_size * 1.0e9")
  contestants=() commands=()
  local image file level line ratio pack decode
  if [ -x "$micro" ]; then
    cost[pipe]=$(micro_cost '^pipe_to_reader/spliced') cost[xxh3]=$(micro_cost '^xxh3')
  fi
  for image in thin full; do
    file=$data
    [ $image = thin ] || file=$full
    for level in 1 3; do
      # "-3     62730832 (3.194) 497.16 MB/s 2505.1 MB/s  data.img"; a MB is 10^6 bytes
      line=$(zstd -q -b$level -i1 -B1048576 "$file" 2>&1 | awk -v level="-$level" '$1 == level { print $3, $4, $6 }' | tr -d '()')
      read -r ratio pack decode <<<"$line"
      cost[ratio_${level}_$image]=$ratio
      cost[pack_${level}_$image]=$(calc "1000 / $pack") cost[decode_${level}_$image]=$(calc "1000 / $decode")
    done
  done
  for line in "${!cost[@]}"; do printf '{"%s": %s}\n' "$line" "${cost[$line]}"; done | jq -sS add >"$scratch/stages.json"
  echo "stages, ns a byte on one core: $(jq -r 'to_entries | map("\(.key) \(.value * 1000 | round / 1000)") | join(", ")' "$scratch/stages.json")"
  echo
}
# ns a byte of one micro-benchmark.
micro_cost() {
  "$micro" --benchmark_filter="$1" --benchmark_format=json --benchmark_min_time=0.5 2>/dev/null |
    jq '1e9 / .benchmarks[0].bytes_per_second'
}
bytes_of() { if [ "$1" = thin ]; then echo "$thin_data"; else echo "$full_size"; fi; }
size_of_image() { if [ "$1" = thin ]; then echo "$thin_size"; else echo "$full_size"; fi; }
path_of() { if [ "$1" = thin ]; then echo "$thin"; else echo "$full"; fi; }

# The larger of the serial hash of the whole virtual size, and all work spread over the cores.
pack_bound() {
  local image=$1 level=$2 bytes size
  bytes=$(bytes_of "$image") size=$(size_of_image "$image")
  awk -v bytes="$bytes" -v size="$size" -v cores="$cores" -v hash="${cost[hash]}" -v read="${cost[read]}" \
    -v write="${cost[write]}" -v pack="${cost[pack_${level}_$image]}" -v ratio="${cost[ratio_${level}_$image]}" 'BEGIN {
      serial = size * hash + bytes * read
      all = (serial + bytes * (read + hash + pack) + bytes / ratio * write) / cores
      printf "%.3f", (serial > all ? serial : all) / 1e9 }'
}
# restore_bound IMAGE LEVEL [verify]: the larger of all work spread over the cores, and of the write: a file takes one
# write(2) at a time (the lock of its inode).
restore_bound() {
  local image=$1 level=$2
  awk -v bytes="$(bytes_of "$image")" -v cores="$cores" -v hash="${cost[hash]}" -v read="${cost[read]}" \
    -v write="$([ $# -gt 2 ] && echo 0 || echo "${cost[write]}")" -v decode="${cost[decode_${level}_$image]}" \
    -v ratio="${cost[ratio_${level}_$image]}" 'BEGIN {
      all = (hash + decode + write + read / ratio) / cores
      printf "%.3f", bytes * (all > write ? all : write) / 1e9 }'
}

row_pack() {
  local image level file first second
  for level in 1 3; do
    for image in thin full; do
      file=$(path_of $image)
      contestant "hx-snap-pack -$level" "hx-snap-pack -q -$level $file -o out.mirn"
      contestant "tee >(openssl dgst) | zstd -T0 -$level" "tee >(openssl dgst -sha256 >sum) <$file | zstd -q -T0 -$level -c >out.zst"
      contestant "openssl dgst & zstd -T0 -$level" "openssl dgst -sha256 $file >sum & zstd -q -T0 -$level -c $file >out.zst; wait"
      contestant 'qemu-img convert -c (zstd)' "qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd $file out.qcow2"
      measure
      if [ $image = thin ]; then first='>= 2.5' second='>= 1.4'; else first='>= 1.6' second='>= 1.05'; fi
      report "pack -$level, $image" "$(pack_bound $image $level)" '<= 1.15' "$first" "$second"
    done
  done
}
row_pipeline() {
  local image file goal
  for image in thin full; do
    file=$(path_of $image)
    contestant 'hx-fetch | hx-snap-pack -3' "hx-fetch -q $file | hx-snap-pack -q -3 -o out.mirn"
    contestant 'hx-snap-pack -3 in one process' "hx-snap-pack -q -3 $file -o out.mirn"
    measure
    if [ $image = thin ]; then goal='<= 1.35'; else goal='<= 1.15'; fi
    report "pipeline, $image" "$(pack_bound $image 3)" '' "$goal"
  done
}
# What restore and verify read: the same image packed by each.
packed() {
  local image=$1 file
  file=$(path_of "$image")
  [ -e "$scratch/$image.mirn" ] || hx-snap-pack -q -3 "$file" -o "$scratch/$image.mirn"
  [ -e "$scratch/$image.zst" ] || zstd -q -T0 -3 -c "$file" >"$scratch/$image.zst"
  [ -e "$scratch/$image.qcow2" ] || qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd "$file" "$scratch/$image.qcow2" || true
}
row_restore() {
  local image
  for image in thin full; do
    packed $image
    contestant 'hx-restore' "hx-restore -q ../$image.mirn -o disk.img"
    contestant 'zstd -d --sparse' "zstd -q -d --sparse ../$image.zst -o disk.img"
    contestant 'zstd -dc | tee >(openssl dgst)' "zstd -q -dc ../$image.zst | tee >(openssl dgst -sha256 >sum) >disk.img"
    contestant 'qemu-img convert from zstd qcow2' "qemu-img convert -f qcow2 -O raw ../$image.qcow2 disk.img"
    measure
    report "restore, $image" "$(restore_bound $image 3)" '<= 1.2' '>= 1.3' '>= 3'
  done
}
row_verify() {
  local image goal
  for image in thin full; do
    packed $image
    contestant 'hx-restore --verify-only' "hx-restore -q --verify-only ../$image.mirn"
    contestant 'zstd -dc | openssl dgst' "zstd -q -dc ../$image.zst | openssl dgst -sha256"
    measure
    goal=''
    [ $image = full ] || goal='>= 4'
    report "verify, $image" "$(restore_bound $image 3 verify)" '' "$goal"
  done
}
row_raw() {
  contestant 'hx-fetch | hx-restore -' "hx-fetch -q $full | hx-restore -q - -o disk.img"
  contestant 'nbdcopy file file' "nbdcopy $full disk.img"
  contestant 'cp' "cp --reflink=never --sparse=never $full disk.img"
  measure
  report 'raw stream, full' "$(awk -v bytes="$full_size" -v copy="${cost[read]}" -v write="${cost[write]}" 'BEGIN { printf "%.3f", bytes * (copy + write) / 1e9 }')" '' '<= 2'
  # The pipe alone: the receiver checks what comes, and keeps nothing.
  contestant 'hx-fetch | hx-restore --verify-only' "hx-fetch -q $full | hx-restore -q --verify-only"
  contestant 'nbdcopy file - | cat >/dev/null' "nbdcopy $full - | cat >/dev/null"
  measure
  # A pipe has one lock: who puts pages in and who copies them out take turns. All looks at the bytes are spread.
  report 'raw stream, only read' "$([ -z "${cost[pipe]:-}" ] || awk -v bytes="$full_size" -v cores="$cores" -v read="${cost[read]}" \
    -v pipe="${cost[pipe]}" -v xxh3="${cost[xxh3]}" 'BEGIN {
      all = (read + pipe + 2 * xxh3) / cores
      printf "%.3f", bytes * (all > pipe ? all : pipe) / 1e9 }')" '' '>= 6'
}

# memory_of WORK COMMAND: the largest resident set of any of our tools in it. "%" stands before each tool to be watched.
memory_of() {
  local most
  rm -rf "$scratch/run"
  mkdir "$scratch/run"
  if (cd "$scratch/run" && bash -o pipefail -c "${2//%/\/usr\/bin\/time -f %M -a -o ..\/memory }" >/dev/null 2>../stderr); then
    most=$(calc "$(sort -n "$scratch/memory" | tail -n 1) / 1024")
    judge "$most" '<= 256'
    printf '%-28s %-46s %5.0f MiB %8s %s\n' memory "$1" "$most" '' "$verdict"
    record memory "$1" memory_mib "$most" '[]' null '<= 256' "$met"
  else
    judge '' '<= 256'
    printf '%-28s %-46s %9s\n' memory "$1" failed
  fi
  rm -rf "$scratch/run" "$scratch/memory"
}
row_memory() {
  memory_of 'hx-snap-pack' "%hx-snap-pack -q $full -o out.mirn"
  memory_of 'hx-fetch | hx-snap-pack, incompressible' "%hx-fetch -q $noise | %hx-snap-pack -q -o out.mirn"
  memory_of 'hx-snap-pack -19, chunks of 4 MiB' "head -c 64M $full >part; %hx-snap-pack -q -19 --chunk-size 4MiB part -o out.mirn"
  memory_of 'hx-restore' "hx-snap-pack -q $noise -o out.mirn; %hx-restore -q out.mirn -o disk.img"
  memory_of 'hx-restore from a pipe' "hx-snap-pack -q $noise -o out.mirn; %hx-restore -q - -o disk.img <out.mirn"
  memory_of 'hx-snap-pack, hx-restore, 1 TiB of holes' 'truncate -s 1T big; printf x | dd of=big seek=600G oflag=seek_bytes conv=notrunc status=none; %hx-snap-pack -q --no-checksum big -o big.mirn; rm big; %hx-restore -q big.mirn -o disk.img'
}
row_micro() {
  if [ ! -x "$micro" ]; then printf '%-28s %s\n' micro 'not built: no Google Benchmark here, or HX_BIN is given'; return; fi
  "$micro" --benchmark_format=json --benchmark_min_time=0.2 2>/dev/null |
    jq -r '.benchmarks[] | "\(.name)\t\((.bytes_per_second // 0) / 1e6 | round)\t\(.real_time)\t\(.time_unit)"' |
    while IFS=$'\t' read -r name rate time unit; do
      printf '%-28s %-46s %9s\n' micro "$name" "$([ "$rate" -gt 0 ] && echo "$rate MB/s" || printf '%.1f %s' "$time" "$unit")"
      jq -nc --arg name "$name" --argjson rate "$rate" --argjson time "$time" --arg unit "$unit" \
        '{work: "micro", tool: $name, role: "micro", mb_per_second: $rate, time: $time, unit: $unit}' >>"$records"
    done
}
