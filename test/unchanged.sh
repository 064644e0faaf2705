#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# unchanged.sh PATTERN... -- COMMAND...
#
# Runs the command and fails if a file of the repository that matches one of the
# git patterns is another one afterwards, or new, or gone. Files that are not
# ignored count, committed or not, so that it can be run before a commit.
set -euo pipefail

patterns=()
while [ "$1" != -- ]; do
	patterns+=("$1")
	shift
done
shift

sums() {
	git ls-files --cached --others --exclude-standard -z -- "${patterns[@]}" |
		sort -zu | xargs -0r sha256sum 2>/dev/null || true
}

before=$(sums)
"$@"
after=$(sums)
if [ "$before" != "$after" ]; then
	echo "unchanged.sh: '$*' changed these files; commit what it wrote:" >&2
	diff <(echo "$before") <(echo "$after") | awk '/^[<>]/ { print "  " $3 }' | sort -u >&2
	exit 1
fi
