#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# short.sh LINES
#
# Fails for each of our source files that is longer: a file holds one idea.
# Generated and copied files are not ours to split.
set -euo pipefail

git ls-files -z '*.go' '*.c' '*.h' '*.sh' ':!*_bpfel.go' ':!*_bpfeb.go' ':!bpf/libbpf' |
	xargs -0r wc -l |
	awk -v max="$1" '
		$2 != "total" && $1 > max { print $2 ": " $1 " lines, more than " max " (one idea per file)"; bad = 1 }
		END { exit bad }' >&2
