#!/usr/bin/env bats
# The completions that the tools make of their option tables, in the shells that use them.
load helpers

setup() {
  hx_setup
  mkdir dir
  touch disk.img 'two words.img' map.json
}
# bash_offers TOOL WORD…: what bash offers for the last of the words.
bash_offers() {
  bash --norc -c '
    source /usr/share/bash-completion/bash_completion
    eval "$("$1" --dump-completion=bash)"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9
    COMP_LINE=${COMP_LINE/ = /=}  # Readline splits words at "="
    COMP_POINT=${#COMP_LINE}
    function="_${1//-/_}"
    "$function" 2>/dev/null
    printf "%s\n" "${COMPREPLY[@]}"' bash "$@" | LC_ALL=C sort | xargs
}
fish_offers() {
  fish --no-config -c 'source (hx-fetch --dump-completion=fish | psub); source (hx-snap-pack --dump-completion=fish | psub)
    complete -C "'"$1"'"' | cut -f 1 | LC_ALL=C sort | xargs
}

@test "bash: options, choices, files and directories" {
  [ -r /usr/share/bash-completion/bash_completion ] || skip 'bash-completion is not installed'
  [ "$(bash_offers hx-fetch --ex)" = --extents ]
  [ "$(bash_offers hx-fetch --map '')" = 'bmap ddrescue json' ]
  [ "$(bash_offers hx-fetch --map = d)" = ddrescue ]
  [ "$(bash_offers hx-fetch --progress b)" = bar ]
  [ "$(bash_offers hx-fetch --extents ma)" = map.json ]
  [ "$(bash_offers hx-fetch di)" = 'dir disk.img' ]
  [ "$(bash_offers hx-snap-pack -d d)" = dir ]
  [ "$(bash_offers hx-snap-pack --size '')" = unknown ]
  [ "$(bash_offers hx-fetch --name d)" = '' ]
}

@test "fish: options, choices, files and directories" {
  require fish
  [ "$(fish_offers 'hx-fetch --ext')" = --extents ]
  [ "$(fish_offers 'hx-fetch --map ')" = 'bmap ddrescue json' ]
  [ "$(fish_offers 'hx-fetch --map=d')" = --map=ddrescue ]
  [ "$(fish_offers 'hx-fetch --extents ma')" = map.json ]
  [ "$(fish_offers 'hx-fetch dis')" = disk.img ]
  [ "$(fish_offers 'hx-snap-pack -d d')" = dir/ ]
  [ "$(fish_offers 'hx-fetch --name d')" = '' ]
}

@test "zsh: what is typed in part and TAB becomes the word" {
  require zsh
  mkdir fpath
  for tool in hx-fetch hx-snap-pack; do "$tool" --dump-completion=zsh >"fpath/_$tool"; done
  # A shell on a terminal of its own; the tools are functions that write down their words.
  cat >type.zsh <<'ZSH'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell $'PS1=; fpath=($PWD/fpath $fpath); autoload -Uz compinit; compinit -u -D'
zpty -w shell $'hx-fetch() { print -r -- "$@" >>words }; hx-snap-pack() { print -r -- "$@" >>words }'
zpty -w shell $'hx-fetch --ext\tma\t --map d\t disk\t'
zpty -w shell $'hx-fetch --map=j\t two\t'
zpty -w shell $'hx-snap-pack --dir\tdi\t --inp\tra\t -o ma\t'
zpty -w shell $'exit'
while zpty -r shell line; do :; done
ZSH
  timeout 20 zsh -f type.zsh >/dev/null
  diff words - <<'WORDS'
--extents=map.json --map ddrescue disk.img
--map=json two words.img
--directory=dir --input=raw -o map.json
WORDS
}

@test "each tool's scripts are read by their shells" {
  require zsh fish
  while read -r tool; do
    "$tool" --dump-completion=bash | bash -n
    "$tool" --dump-completion=zsh | zsh -n
    "$tool" --dump-completion=fish | fish --no-execute
    for shell in bash zsh fish; do
      "$tool" --dump-completion=$shell >"$shell"
      while read -r option; do
        grep -qE -- "(--|-l )$option\b" "$shell" || fail "$tool: $shell does not know --$option"
      done < <("$tool" --dump-options | jq -r '.options[].name')
    done
  done < <(our_tools)
}
