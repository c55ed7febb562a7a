# shellcheck shell=bash
# Timing, medians, the table and the JSON.

cores=$(nproc)
human() { numfmt --to=iec-i --suffix=B --format=%.1f "$1"; }
calc() { awk "BEGIN { printf \"%.6f\", $1 }"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# A row: contestants are added, then all are run in turn, so that what disturbs the machine disturbs all of them.
contestants=() commands=()
contestant() { contestants+=("$1"); commands+=("$2"); }

# Runs COMMAND in an empty directory; prints "wall cpu".
time_once() {
  local result=0
  rm -rf "$scratch/run"
  mkdir "$scratch/run"
  # A virtual machine gives free memory back to its host, and pays when it touches it again: not at the tool's expense.
  if [ -z "$sync_after" ]; then head -c "$full_size" /dev/zero >"$scratch/warm" && rm "$scratch/warm"; fi
  cd "$scratch/run"
  TIMEFORMAT='%R %U %S'
  { time bash -o pipefail -c "$1" >../stdout 2>../stderr; } 2>../time || result=$?
  cd "$OLDPWD"
  if [ $result -ne 0 ]; then
    printf 'bench: error: status %s: %s\n' $result "$1" >&2
    head -n 5 "$scratch/stderr" >&2
    return 1
  fi
  awk '{ print $1, $2 + $3 }' "$scratch/time"
}

# measure: fills wall[i] and cpu[i] (medians, seconds) and times[i] (JSON) for the contestants; one that fails has none.
measure() {
  local round i sample
  wall=() cpu=() times=()
  for i in "${!contestants[@]}"; do : >"$scratch/samples.$i"; done
  for ((round = 0; round <= runs; round++)); do
    for i in "${!contestants[@]}"; do
      [ -e "$scratch/samples.$i" ] || continue
      [ ! -t 2 ] || printf '\r\e[K%s, round %d of %d' "${contestants[$i]}" "$round" "$runs" >&2
      if sample=$(time_once "${commands[$i]}${sync_after:+ && $sync_after}"); then
        [ $round -eq 0 ] || echo "$sample" >>"$scratch/samples.$i"   # round 0 warms up
      else
        rm "$scratch/samples.$i"
      fi
    done
  done
  [ ! -t 2 ] || printf '\r\e[K' >&2
  rm -rf "$scratch/run"
  for i in "${!contestants[@]}"; do
    wall[i]='' cpu[i]='' times[i]='[]'
    [ -s "$scratch/samples.$i" ] || continue
    wall[i]=$(cut -d ' ' -f 1 "$scratch/samples.$i" | median)
    cpu[i]=$(cut -d ' ' -f 2 "$scratch/samples.$i" | median)
    times[i]=$(cut -d ' ' -f 1 "$scratch/samples.$i" | jq -sc .)
  done
}

table_head() {
  printf '%-28s %-46s %9s %8s  %s\n' work 'tool, and what it is compared with' 'median s' ratio goal
  printf -- '-%.0s' {1..110}
  echo
}
goals_met=0 goals_missed=0
# judge RATIO GOAL: GOAL is ">= X" (we are so much faster) or "<= X" (of the bound, of the other), or empty. Sets verdict.
judge() {
  verdict='' met=null
  [ -n "$2" ] || return 0
  if [ -z "$1" ]; then verdict="$2  not measured"; return 0; fi
  if awk -v ratio="$1" "BEGIN { exit !(ratio $2) }"; then
    verdict="$2  met" met=true goals_met=$((goals_met + 1))
  else
    verdict="$2  missed" met=false goals_missed=$((goals_missed + 1))
  fi
}
goals_line() { echo "$goals_met goals met, $goals_missed missed"; }

seconds() { if [ -n "$1" ]; then printf '%.3f' "$1"; else echo failed; fi; }
# report WORK BOUND GOAL PEER-GOAL…: contestant 0 is ours; BOUND (seconds, or empty) with its goal; then a goal a peer.
report() {
  local work=$1 bound=$2 goal=$3 ours=${wall[0]} i ratio
  shift 3
  printf '%-28s %-46s %9s\n' "$work" "${contestants[0]}" "$(seconds "$ours")"
  record "$work" "${contestants[0]}" ours "${ours:-null}" "${times[0]}" null '' null
  if [ -n "$bound" ]; then
    ratio=${ours:+$(calc "$ours / $bound")}
    judge "$ratio" "$goal"
    printf '%-28s   %-44s %9.3f %8.2f  %s\n' '' "bound (ours / bound)" "$bound" "${ratio:-0}" "$verdict"
    record "$work" bound bound "$bound" '[]' "${ratio:-null}" "$goal" "$met"
  fi
  for ((i = 1; i < ${#contestants[@]}; i++)); do
    goal=${1:-}
    [ $# -eq 0 ] || shift
    if [ -z "${wall[$i]}" ]; then
      printf '%-28s   %-44s %9s\n' '' "${contestants[$i]}" 'not here'
      record "$work" "${contestants[$i]}" peer null '[]' null "$goal" null
      continue
    fi
    # A goal of "at most" compares us with the peer, one of "at least" the peer with us.
    ratio=''
    [ -z "$ours" ] || if [[ $goal == '<='* ]]; then ratio=$(calc "$ours / ${wall[$i]}"); else ratio=$(calc "${wall[$i]} / $ours"); fi
    judge "$ratio" "$goal"
    printf '%-28s   %-44s %9.3f %8.2f  %s\n' '' "${contestants[$i]}" "${wall[$i]}" "${ratio:-0}" "$verdict"
    record "$work" "${contestants[$i]}" peer "${wall[$i]}" "${times[$i]}" "${ratio:-null}" "$goal" "$met"
  done
  contestants=() commands=()
}
record() {
  jq -nc --arg work "$1" --arg tool "$2" --arg role "$3" --argjson seconds "$4" --argjson times "$5" --argjson ratio "$6" \
    --arg goal "$7" --argjson met "$8" '$ARGS.named' >>"$records"
}
write_json() {
  jq -s --argjson cores "$cores" --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    --argjson runs "$runs" --argjson quick "$quick" --arg scratch "$scratch_kind" --slurpfile stages "$scratch/stages.json" \
    --argjson images "{\"thin\":{\"size\":$thin_size,\"data\":$thin_data},\"full\":{\"size\":$full_size,\"data\":$full_size}}" \
    '{machine: {cpu: $cpu, cores: $cores}, runs: $runs, quick: ($quick == 1), written_to: $scratch, images: $images, stages: $stages[0], rows: .}' \
    "$records" >"$1"
}
