#!/usr/bin/env bats
# How every tool answers to --help, --version and options that do not exist.
load helpers

setup() {
  hx_setup
  mapfile -t tools < <(our_tools)
  [ ${#tools[@]} -ge 5 ]
}
long_options() { "$1" --dump-options | jq -er '.options[].name'; }

@test "--help: on stdout, one screen, with an example that names the tool" {
  for tool in "${tools[@]}"; do
    expect_status 0 "$tool" --help
    [ -z "$err" ] || fail "$tool --help writes to stderr: $err"
    [ "$(wc -l <<<"$out")" -le 40 ] || fail "$tool --help has $(wc -l <<<"$out") lines"
    [ "$(wc -L <<<"$out")" -le 80 ] || fail "$tool --help is $(wc -L <<<"$out") columns wide"
    grep -qE "^ +\\$ .*$tool" <<<"$out" || fail "$tool --help has no example"
  done
}

@test "--help names every option" {
  for tool in "${tools[@]}"; do
    expect_status 0 "$tool" --help
    for option in $(long_options "$tool"); do
      grep -qE -- "--$option([ =,]|\$)" <<<"$out" || fail "$tool --help does not name --$option"
    done
  done
}

@test "--help that cannot be written is a failure" {
  for tool in "${tools[@]}"; do
    status=0
    "$tool" --help >/dev/full 2>../err || status=$?
    [ "$status" -eq 7 ] || fail "$tool --help >/dev/full: status $status"
  done
}

@test "--version: the name and a version, on stdout" {
  for tool in "${tools[@]}"; do
    expect_status 0 "$tool" --version
    [[ $out =~ ^$tool\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$tool --version says: $out"
  done
}

@test "an unknown option: status 2, one line and a hint" {
  for tool in "${tools[@]}"; do
    expect_status 2 "$tool" --no-such-option
    expect_one_error "$tool"
    expect_err --no-such-option "$tool: hint: "
    # Sources tell the next tool in the pipe: an ABORT record.
    [ -z "$out" ] || [[ $tool == hx-@(fetch|cbt-diff) && $out == HXSTREAM* ]] || fail "$tool writes to stdout: $out"
  done
}

@test "no option may be abbreviated" {
  for tool in "${tools[@]}"; do
    for option in $(long_options "$tool"); do
      ! long_options "$tool" | grep -qxF -- "${option%?}" || continue
      expect_status 2 "$tool" "--${option%?}"
    done
  done
}

@test "a bad value names its option" {
  for tool in "${tools[@]}"; do
    expect_status 2 "$tool" --progress sideways
    expect_one_error "$tool"
    expect_err progress sideways
  done
}
