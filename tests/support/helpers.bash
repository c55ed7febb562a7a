# shellcheck shell=bash
# What the shell tests share. A test file begins with
#   #!/usr/bin/env bats
#   load helpers
# and runs each test in an empty directory of its own, with our tools first in PATH. A file that needs a setup() of its
# own calls hx_setup in it.

bats_require_minimum_version 1.5.0

HX_ROOT=$(cd "${BATS_TEST_DIRNAME:?}/../.." && pwd)
HX_BIN=${HX_BIN:-$HX_ROOT/build/release/bin}
export HX_ROOT HX_BIN
GOLDEN=$HX_ROOT/tests/golden
export GOLDEN

hx_setup() {
  export PATH="$HX_BIN:$PATH:/usr/sbin:/sbin" LC_ALL=C TERM=dumb TZ=UTC
  # Nothing of the user's configuration, and no network, reaches a test.
  export AWS_EC2_METADATA_DISABLED=true
  export HOME="$BATS_TEST_TMPDIR/home" XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/home/.config"
  mkdir -p "$HOME" "$BATS_TEST_TMPDIR/work"
  cd "$BATS_TEST_TMPDIR/work" || return 1
  out='' err='' status=0
}
setup() { hx_setup; }

# shellcheck source=disks.bash
source "$HX_ROOT/tests/support/disks.bash"

# The names of all tools that the tree has: a test that loops over them fails where there are none.
our_tools() {
  find "$HX_ROOT/tools" -maxdepth 1 -name 'hx-*.cc' -printf '%f\n' | sed 's/\.cc$//' | LC_ALL=C sort | grep .
}

# --- assertions -----------------------------------------------------------------------------------------------------

fail() {
  printf '%s\n' "$@" >&2
  return 1
}
# expect_status N COMMAND…: runs it and keeps $status, $out, $err (and the files ../out, ../err: binary output too).
expect_status() {
  local wanted=$1
  shift
  status=0
  "$@" >../out 2>../err || status=$?
  keep_output
  [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted: $*" "stdout: ${out:0:2000}" "stderr: ${err:0:2000}"
}
# expect_pipe "S1 S2 …" 'COMMAND | COMMAND …': the status of each part of a pipeline, of which $status is the last.
expect_pipe() {
  local wanted=$1 got
  bash -c "$2; printf '%s ' \"\${PIPESTATUS[@]}\" >../pipestatus" >../out 2>../err || true
  got=$(cat ../pipestatus)
  got=${got% }
  rm -f ../pipestatus
  keep_output
  status=${got##* }
  [ "$got" = "$wanted" ] || fail "statuses $got, not $wanted: $2" "stdout: ${out:0:2000}" "stderr: ${err:0:2000}"
}
# Not exported: the environment has little room, and every command would have to carry it.
keep_output() {
  # shellcheck disable=SC2034  # for the tests
  out=$(tr -d '\0' <../out | head -c 1000000)
  err=$(tr -d '\0' <../err | head -c 1000000)
}
# expect_out TEXT…, expect_err TEXT…: each TEXT (not a pattern) stands in what the last expect_… kept.
expect_out() {
  local text
  for text; do [[ $out == *"$text"* ]] || fail "not on stdout: $text" "stdout: ${out:0:2000}"; done
}
expect_err() {
  local text
  for text; do [[ $err == *"$text"* ]] || fail "not on stderr: $text" "stderr: ${err:0:2000}"; done
}
# One line that says what is wrong, as "TOOL: error: OBJECT: …"; a hint may follow on a second one.
expect_one_error() {
  local lines
  lines=$(grep -c . <<<"$err") || true
  if [[ $err != "$1: error: "* ]] || [ "$lines" -gt 2 ]; then fail "not one error of $1: $err"; fi
}
assert_same() { cmp -- "$1" "$2" || fail "$1 and $2 differ"; }
# assert_no_files_left DIR [NAME…]: DIR holds nothing but these names, hidden and temporary files included.
assert_no_files_left() {
  local dir=$1 left
  shift
  left=$(find "$dir" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort)
  [ "$left" = "$([ $# -eq 0 ] || printf '%s\n' "$@" | LC_ALL=C sort)" ] ||
    fail "files in $dir: ${left//$'\n'/ }" "expected: ${*:-none}"
}
# assert_untold TEXT FILE|DIRECTORY…: it stands in none of them. (By what grep prints: its status is that of a file that it
# could not read, even where it found something.)
assert_untold() {
  local found
  found=$(grep -raiF -- "$1" "${@:2}" 2>/dev/null | head -c 2000 | tr -d '\0') || true
  [ -z "$found" ] || fail "$1 is told: $found"
}
# assert_sparse FILE MOST: it takes at most MOST bytes (or 4M) on its disk.
assert_sparse() {
  local taken
  taken=$(allocated "$1")
  [ "$taken" -le "$(numfmt --from=iec "$2")" ] || fail "$1 takes $taken bytes on disk, more than $2"
}

# --- runs that are killed ---------------------------------------------------------------------------------------------

# written_by PID: bytes of all its writes.
written_by() { awk '/^wchar/ { print $2 }' "/proc/$1/io" 2>/dev/null || true; }
# killed_at BYTES COMMAND…: SIGKILL when it has written so much, or it ends; $written: what it wrote. No function, which
# would be a process of its own.
killed_at() {
  local bytes=$1 pid
  shift
  "$@" >../out 2>../err &
  pid=$!
  while kill -0 $pid 2>/dev/null; do
    written=$(written_by $pid)
    [ "${written:-0}" -lt "$bytes" ] || break
  done
  kill -STOP $pid 2>/dev/null || true
  written=$(written_by $pid)
  kill -KILL $pid 2>/dev/null || true
  status=0
  wait $pid || status=$?
}

# --- what a machine may lack ----------------------------------------------------------------------------------------

# require COMMAND…: skips the test, saying why, where one is not installed. scripts/setup installs them all.
require() {
  local command
  for command; do command -v "$command" >/dev/null || skip "$command is not installed"; done
}
# unprivileged COMMAND…: where permissions count. Root may do all, unless it gives that up; needs setpriv.
unprivileged() {
  if [ "$(id -u)" -ne 0 ]; then "$@"; else setpriv '--bounding-set=-dac_override,-dac_read_search' "$@"; fi
}
require_root() { [ "$(id -u)" -eq 0 ] || skip 'needs root'; }
# small_tmpfs DIR SIZE: a file system that is soon full; unmounted by teardown_mounts, which teardown() calls.
small_tmpfs() {
  require_root
  mkdir -p "$1"
  mount -t tmpfs -o "size=$2" tmpfs "$1" 2>/dev/null || skip 'cannot mount a tmpfs here'
  (cd "$1" && pwd) >>"$BATS_TEST_TMPDIR/mounts"
}
teardown_mounts() {
  local dir
  [ -f "$BATS_TEST_TMPDIR/mounts" ] || return 0
  cd / || return 1
  tac "$BATS_TEST_TMPDIR/mounts" | while read -r dir; do umount -l "$dir"; done
}
teardown() { teardown_mounts; }

# on_a_terminal COMMAND: runs the shell command with a terminal as stdin, stdout and stderr, its output in $out.
on_a_terminal() {
  require script
  status=0
  script -qec "$1" /dev/null </dev/null >../out 2>../err || status=$?
  keep_output
  out=${out//$'\r'/}
}
