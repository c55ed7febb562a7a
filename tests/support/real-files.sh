#!/usr/bin/env bash
# Copies real files of this machine (programs, libraries, documents; 8 KiB to 64 MiB each) into DIR until they hold BYTES.
#   tests/support/real-files.sh DIR BYTES
set -euo pipefail
dir=$1 bytes=$2
mkdir -p "$dir"

# In an order of names' hashes, so that a part of the files is as mixed as all of them, and the same again next time.
find /usr/share /usr/lib /usr/bin -xdev -type f -readable -size +7k -size -64M -printf '%s\t%p\n' 2>/dev/null |
  awk -F '\t' '{ hash = 0; for (i = 1; i <= length($2); i += 3) hash = (hash * 31 + index("etaoinsrhldcumfpgwybvkxjqz/.-_0123456789", substr($2, i, 1))) % 1000003
                 print hash "\t" $0 }' | LC_ALL=C sort -t "$(printf '\t')" -k 1,1n -k 3 |
  awk -F '\t' -v bytes="$bytes" 'sum < bytes { sum += $2; printf "%s%c", substr($3, 2), 0 }' |
  tar --create --directory=/ --null --files-from=- --ignore-failed-read --warning=no-failed-read 2>/dev/null |
  tar --extract --directory="$dir" --no-same-owner
