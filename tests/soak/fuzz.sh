# shellcheck shell=bash
# Every fuzz target for HX_MINUTES under ASan and UBSan; what is found is kept in build/soak/corpus and searched on from there
mapfile -t names < <(basename -s .cc -a "$HX_ROOT"/tests/fuzz/fuzz_*.cc)
"$HX_ROOT/scripts/build" fuzz "${names[@]}"
found=0 targets=0
fuzz() {
  local target=$1 name corpus
  name=$(basename "$target")
  corpus=("$HX_ROOT/build/soak/corpus/$name")
  mkdir -p "${corpus[0]}"
  for seeds in "$HX_ROOT/tests/fuzz/corpus/$name" "$HX_ROOT/tests/fuzz/corpus/${name#fuzz_}"; do
    [ ! -d "$seeds" ] || corpus+=("$seeds")
  done
  "$target" -seed="$HX_SEED" -max_total_time=$((HX_MINUTES * 60 + 10)) -timeout=30 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$PWD/$name-" "${corpus[@]}" >"$name.log" 2>&1
}
pids=()
names=()
wait_for_one() {
  if wait "${pids[0]}"; then
    echo "${names[0]}: $(sed -n 's/^stat::number_of_executed_units: *//p' "${names[0]}.log") runs, nothing found"
  else
    found=$((found + 1))
    echo "${names[0]}: FOUND: $PWD/${names[0]}-*"
    grep -m 5 -E 'ERROR|SUMMARY|runtime error' "${names[0]}.log" || tail -n 5 "${names[0]}.log"
  fi
  pids=("${pids[@]:1}") names=("${names[@]:1}")
}
for target in "$HX_ROOT"/build/fuzz/bin/fuzz_*; do
  [ -x "$target" ] || continue
  targets=$((targets + 1))
  fuzz "$target" &
  pids+=($!) names+=("$(basename "$target")")
  [ ${#pids[@]} -lt "$(nproc)" ] || wait_for_one
done
while [ ${#pids[@]} -gt 0 ]; do wait_for_one; done
echo "$targets targets, $found with findings"
[ $targets -gt 0 ] && [ $found -eq 0 ]
