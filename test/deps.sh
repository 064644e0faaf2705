#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# deps.sh PACKAGE...
#
# Installs the Debian packages that are missing. Says nothing and asks nobody
# when all are there. Needs root only if one is missing.
set -euo pipefail
export LC_ALL=C

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
	awk '$2 == "installed" { print $1 }' | sort || true)
mapfile -t missing < <(comm -13 <(echo "$installed") <(printf '%s\n' "$@" | sort))
[ "${#missing[@]}" -gt 0 ] || exit 0

echo "deps.sh: installing ${missing[*]}"
# docker.io would start a daemon and put a bridge on this machine; tests start
# their own, in network namespaces of their own. Debian asks this file first.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
apt-get update -q
DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
