#!/bin/busybox sh
# shellcheck shell=dash disable=SC3040 # busybox has pipefail
# SPDX-License-Identifier: Apache-2.0
#
# The first process of the virtual machine: runs the test binaries, one after the
# other, each in the folder of its package, and powers off.
set -o pipefail
export PATH=/usr/bin:/bin HOME=/root
count() { grep -c "^ *--- $1" /tmp/log; }
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for place in tmpfs:/tmp tmpfs:/run bpf:/sys/fs/bpf tracefs:/sys/kernel/tracing cgroup2:/sys/fs/cgroup; do
	mount -t "${place%%:*}" none "${place#*:}"
done
while read -r module; do
	insmod "/modules/$module" || echo "vm: module $module is missing"
done </modules/order
ip link set lo up
echo "vm: kernel $(uname -r)"
while read -r package binary; do
	cd "/repo/$package" || continue
	echo "vm: start $package"
	"/tests/$binary" -test.v -test.timeout=10m -test.parallel=2 2>&1 | tee /tmp/log && result=ok || result=FAIL
	echo "vm: end $package $result: $(count PASS) passed, $(count SKIP) skipped, $(count FAIL) failed"
done </tests/order
poweroff -f
