# shellcheck shell=bash
# SIGKILL and SIGTERM at random moments, many rounds: no finished file, or an exact one, and nothing else left
source "$HX_ROOT/tests/support/disks.bash"
RANDOM=$((HX_SEED % 32768))
make_sparse disk.img 512M "$HX_SEED"
put_bytes disk.img 3000000 120000000 "$((HX_SEED + 7))"
hx-snap-pack disk.img -o whole.mirn
mkdir target

# round SIGNAL VICTIM RESULT COMMAND…: kills the process named VICTIM of the shell pipeline after a random time.
rounds=0 finished=0
round() {
  local signal=$1 victim=$2 result=$3 pid
  (exec bash -c "$4") >/dev/null 2>&1 &
  local shell=$!
  sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
  for pid in $(pgrep -P $shell 2>/dev/null) $shell; do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "${victim:0:15}" ] || kill -"$signal" "$pid" 2>/dev/null || true
  done
  wait $shell || true
  rounds=$((rounds + 1))
  if [ -e "target/$result" ]; then
    finished=$((finished + 1))
    case $result in
      *.mirn) hx-restore -q "target/$result" -o check.img; cmp disk.img check.img; rm check.img ;;
      *.img) cmp disk.img "target/$result" ;;
    esac
    rm "target/$result"
  fi
  [ -z "$(ls -A target)" ] || { echo "left after $signal to $victim: $(ls -A target)"; return 1; }
}
end=$((SECONDS + HX_MINUTES * 60))
while [ $SECONDS -lt $end ]; do
  for signal in KILL TERM; do
    round $signal hx-fetch vm.mirn 'hx-fetch disk.img | hx-snap-pack -o target/vm.mirn; true'
    round $signal hx-snap-pack vm.mirn 'hx-fetch disk.img | hx-snap-pack -o target/vm.mirn; true'
    round $signal hx-snap-pack vm.mirn 'hx-snap-pack disk.img -o target/vm.mirn; true'
    round $signal hx-restore vm.img 'hx-restore whole.mirn -o target/vm.img; true'
    round $signal hx-restore vm.img 'hx-fetch disk.img | hx-restore - -o target/vm.img; true'
    round $signal hx-fetch vm.img 'hx-fetch disk.img | hx-restore - -o target/vm.img; true'
  done
done
echo "$rounds rounds, $finished came to their end before the signal"
