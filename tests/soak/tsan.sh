# shellcheck shell=bash
# All unit tests, and the main job with several ways in and out, under ThreadSanitizer
source "$HX_ROOT/tests/support/disks.bash"
"$HX_ROOT/scripts/build" tsan
export TSAN_OPTIONS=halt_on_error=1:exitcode=66:second_deadlock_stack=1
ctest --test-dir "$HX_ROOT/build/tsan" -j "$(nproc)" --output-on-failure --no-tests=error --timeout 900 | tail -n 30

PATH=$HX_ROOT/build/tsan/bin:$PATH
make_sparse disk.img 96M "$HX_SEED"
put_bytes disk.img 20000000 24000000 "$((HX_SEED + 9))"
for jobs in 1 2 7; do
  hx-fetch disk.img | hx-snap-pack -j $jobs -o pipe.mirn
  hx-snap-pack -j $jobs disk.img -o file.mirn
  hx-snap-pack -j $jobs --unsealed disk.img | cat >unsealed.mirn
  hx-snap-seal unsealed.mirn
  for snapshot in pipe file unsealed; do
    hx-restore --verify-only $snapshot.mirn
    hx-restore $snapshot.mirn -o restored.img
    cmp disk.img restored.img
    hx-restore - -o piped.img <$snapshot.mirn
    cmp disk.img piped.img
    rm restored.img piped.img
  done
  rm ./*.mirn
done
hx-fetch disk.img | hx-restore - -o stream.img
cmp disk.img stream.img
