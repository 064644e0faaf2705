#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# The first process of the virtual machine: runs the test binaries, one after the
# other, each in the folder of its package, and powers off.
export PATH=/usr/bin:/bin HOME=/root
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
	"/tests/$binary" -test.v -test.timeout=5m -test.parallel=2
	echo "vm: end $package $?"
done </tests/order
poweroff -f
