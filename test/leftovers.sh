#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# leftovers.sh snapshot >FILE
# leftovers.sh compare <FILE
#
# Shows what the tests could leave on this machine, a line each; compare fails if
# there is a line that the snapshot does not have, or lacks one that it has of
# what tests must not take away. It waits up to SETTLE_SECONDS (15) for what the
# kernel frees late.
#
# Not ours, and left out: programs that service managers put on cgroups, with
# their links and maps; processes without BOATHOOK_TEST_RUN in the environment
# (export it before running the tests: everything they start inherits it).
set -euo pipefail
export LC_ALL=C

# Programs, links and maps by id: ids are never used twice.
bpf_objects() {
	local programs
	programs=$(bpftool prog show)
	awk '/^[0-9]+:/ { cgroup = $2 ~ /^cgroup_/; if (!cgroup) print "bpf program", $1, $2, $4 }' <<<"$programs"
	bpftool link show | awk '/^[0-9]+:/ && $2 != "cgroup" { print "bpf link", $1, $2 }'
	bpftool map show | awk -v programs="$programs" '
		BEGIN {
			n = split(programs, lines, "\n")
			for (i = 1; i <= n; i++) {
				if (lines[i] ~ /^[0-9]+:/) cgroup = lines[i] ~ /^[0-9]+: cgroup_/
				if (cgroup && match(lines[i], /map_ids [0-9,]+/)) {
					k = split(substr(lines[i], RSTART + 8, RLENGTH - 8), ids, ",")
					for (j = 1; j <= k; j++) theirs[ids[j] ":"] = 1
				}
			}
		}
		/^[0-9]+:/ && !($1 in theirs) { print "bpf map", $1, $2, $4 }'
	find /sys/fs/bpf -mindepth 1 -printf 'bpf pin %p\n' 2>/dev/null || true
}

# Links of this network namespace, and what hangs on them.
network() {
	local link
	ip -o link show | awk -F': ' '{ print "link", $1, $2 }'
	tc qdisc show | awk '{ print "qdisc", $2, $3, $5 }'
	for link in $(ip -o link show | awk -F': ' '{ sub(/@.*/, "", $2); print $2 }'); do
		tc filter show dev "$link" ingress 2>/dev/null | sed "s/^/filter $link ingress /" || true
		tc filter show dev "$link" egress 2>/dev/null | sed "s/^/filter $link egress /" || true
	done
}

# Network namespaces: with a name, mounted elsewhere, or with a process of ours.
namespaces() {
	find /run/netns -mindepth 1 -printf 'netns %p\n' 2>/dev/null || true
}

mounts() {
	awk '{ print "mount", $5, $3 }' /proc/self/mountinfo
}

settings() {
	if [ -r /sys/kernel/rcu_expedited ]; then
		echo "rcu_expedited $(cat /sys/kernel/rcu_expedited)"
	fi
}

parent() {
	awk '$1 == "PPid:" { print $2 }' "/proc/$1/status" 2>/dev/null || echo 0
}

# Says whether the process is this script or was started by it.
is_own() {
	local pid=$1
	while [ "${pid:-0}" -gt 1 ]; do
		[ "$pid" != $$ ] || return 0
		pid=$(parent "$pid")
	done
	return 1
}

# Processes that the tests started, whoever their parent is by now: all that
# carry the mark but this script, what it runs, and the chain that runs it.
processes() {
	local dir pid chain=" " up=$$
	[ -n "${BOATHOOK_TEST_RUN:-}" ] || return 0
	while [ "${up:-0}" -gt 1 ]; do
		chain+="$up "
		up=$(parent "$up")
	done
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		case $chain in *" $pid "*) continue ;; esac
		grep -qzxs "BOATHOOK_TEST_RUN=$BOATHOOK_TEST_RUN" "$dir/environ" || continue
		is_own "$pid" && continue
		[ -r "$dir/cmdline" ] || continue
		echo "process $pid $(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")"
	done
}

snapshot() {
	{
		bpf_objects
		network
		namespaces
		mounts
		settings
		processes
	} | sort -u
}

compare() {
	local before after deadline=$((SECONDS + ${SETTLE_SECONDS:-15})) new gone
	before=$(cat)
	# On Linux 6.18 a prog array that is opened just when its last user goes stays for
	# ever, and bpftool opens all: let those of the last test go first.
	read -rt 3 <> <(:) || true
	while :; do
		after=$(snapshot)
		new=$(comm -13 <(echo "$before") <(echo "$after"))
		gone=$(comm -23 <(echo "$before") <(echo "$after") | grep -E '^(link|qdisc|filter|rcu_expedited|netns) ' || true)
		[ -n "$new$gone" ] || return 0
		[ "$SECONDS" -lt "$deadline" ] || break
		read -rt 0.5 <> <(:) || true
	done
	[ -z "$new" ] || { echo "leftovers.sh: left behind:" && echo "$new"; } >&2
	[ -z "$gone" ] || { echo "leftovers.sh: taken away:" && echo "$gone"; } >&2
	return 1
}

case ${1:-} in
snapshot) snapshot ;;
compare) compare ;;
*)
	echo "usage: leftovers.sh snapshot >FILE | compare <FILE" >&2
	exit 2
	;;
esac
