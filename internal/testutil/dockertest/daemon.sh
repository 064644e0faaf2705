#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# daemon.sh DIR CGROUP: keeps one dockerd, all of whose files are in DIR, until
# stdin ends, then leaves nothing behind. Since stdin also ends when the test is
# killed, that holds for every way a test can end.
#
# It must be started in network and mount namespaces of its own: the daemon's
# links and iptables rules die with the one, its mounts and the fixed paths
# under /run with the other. Commands come one per line, "stop" or "start", and
# are answered with "done".
set -u
dir=$1
cgroup=$2
export DOCKER_HOST="unix://$dir/docker.sock" DOCKER_CONFIG="$dir/config" DOCKER_CONTEXT=
pid=

start() {
	dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" \
		--host "$DOCKER_HOST" --cgroup-parent "/$cgroup" --live-restore \
		--config-file "$dir/config.json" </dev/null >>"$dir/log" 2>&1 &
	pid=$!
}

# stop waits for dockerd, which stops its containerd, for 20 seconds.
stop() {
	[ -n "$pid" ] || return
	kill -CONT "$pid" 2>/dev/null
	kill -TERM "$pid" 2>/dev/null
	(
		exec </dev/null >/dev/null
		sleep 20
		kill -KILL "$pid" 2>/dev/null
	) &
	killer=$!
	wait "$pid"
	# The subshell first: it must not reach its kill when its sleep ends.
	sleeper=$(cat "/proc/$killer/task/$killer/children" 2>/dev/null)
	# shellcheck disable=SC2086 # a list of numbers
	kill -KILL "$killer" $sleeper 2>/dev/null
	pid=
}

remove_containers() {
	[ -n "$pid" ] || return
	kill -CONT "$pid" 2>/dev/null
	timeout 60 sh -c 'docker ps -aq --no-trunc | xargs -r docker rm -f' >>"$dir/log" 2>&1
}

# kill_rest ends what outlived dockerd: containerd and shims share this mount
# namespace, containers are in the cgroup.
kill_rest() {
	own=$(readlink /proc/self/ns/mnt)
	for process in /proc/[0-9]*; do
		number=${process#/proc/}
		[ "$number" != $$ ] && [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$own" ] &&
			kill -KILL "$number" 2>/dev/null
	done
	find /sys/fs/cgroup -path "*/$cgroup/*" -name cgroup.procs -exec cat {} + 2>/dev/null |
		while read -r number; do
			kill -KILL "$number" 2>/dev/null
		done
}

# remove_cgroups retries: a cgroup is busy until its last process is reaped.
remove_cgroups() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null
		[ -z "$(find /sys/fs/cgroup -type d -name "$cgroup")" ] && return
		sleep 0.2
	done
	echo "cgroup $cgroup is still there" >&2
	return 1
}

# remove_files unmounts by the mount point, the fifth field, later mounts first.
remove_files() {
	awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac |
		xargs -r umount -l && rm -rf "$dir"
}

[ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ] || exit
# Not the system's mount, which would make /run/mount on the host first.
busybox mount -t tmpfs tmpfs /run || exit
ip link set lo up || exit
# Bridges announce that they listen to multicast routers. Tests count packets.
iptables -w -A OUTPUT -p igmp -j DROP || exit
mkdir "$dir/config" && echo '{}' >"$dir/config.json" || exit
start
while read -r command; do
	case $command in
	start) start ;;
	stop) stop ;;
	esac
	echo "done"
done
remove_containers
stop
kill_rest
remove_cgroups && remove_files
