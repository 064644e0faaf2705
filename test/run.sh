#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh COMMAND...
#
# Runs the tests and fails if they fail or leave something behind. A test that
# cannot run here (BOATHOOK_TEST_STRICT) is one that fails.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "run.sh: the tests need root: they make network namespaces and load programs" >&2
	exit 1
fi
here=$(dirname "$0")
export BOATHOOK_TEST_STRICT=1
# Marks every process that the tests start; see leftovers.sh.
BOATHOOK_TEST_RUN=$$.$(date +%s%N)
export BOATHOOK_TEST_RUN

before=$("$here"/leftovers.sh snapshot)
status=0
"$@" || status=$?
"$here"/leftovers.sh compare <<<"$before" || status=1
exit "$status"
