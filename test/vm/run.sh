#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# run.sh "VERSION..." PACKAGE...
#
# Runs the tests of packages (folders of this repository) on Debian's kernels, in
# virtual machines, and prints a line for each kernel and package. The whole
# output is in bin/vm/VERSION.log. A machine that takes longer than SECONDS_MAX
# (1800) is stopped, and what it did not run has failed. Needs no root.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

cd "$(dirname "$0")/../.."
bin=$PWD/bin/vm
read -ra versions <<<"$1"
shift
modules=(veth bridge dummy macvlan ipvlan ifb tun netkit sch_ingress cls_bpf act_gact act_bpf act_mirred)

# image writes the root of the machine: busybox, what the tests run, the files of
# this repository, and a static test binary for each package.
image() {
	local root=$1 package command
	shift
	mkdir -p "$root"/{bin,usr/bin,proc,sys,dev,tmp,run,etc,root,repo,tests}
	cp /bin/busybox "$root/bin/"
	install -m 755 test/vm/init.sh "$root/init"
	for command in ip tc ping sleep bpftool; do
		command=$(command -v "$command")
		cp -L "$command" "$root/usr/bin/"
		{ ldd "$command" | grep -oE '/[^ ]+' || true; } | xargs -r cp -L --parents -t "$root" 2>/dev/null
	done
	git ls-files --cached --others --exclude-standard -z | xargs -0 cp --parents -t "$root/repo"
	for package; do
		CGO_ENABLED=0 go test -c -ldflags '-s -w' -o "$root/tests/${package//\//_}.test" "./$package"
		echo "$package ${package//\//_}.test" >>"$root/tests/order"
	done
}

# drivers writes the kernel's modules in the order in which they are loaded.
drivers() {
	local kernel=$1 root=$2 module file
	mkdir -p "$root/modules"
	for module in "${modules[@]}"; do
		modprobe -d "$kernel" -S "$(ls "$kernel/lib/modules")" --show-depends "$module" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		module=$(basename "$file" .xz)
		xz -dcf "$file" >"$root/modules/$module" # -f: what is not compressed stays as it is
		echo "$module" >>"$root/modules/order"
	done
}

archive() {
	(cd "$1" && find . | cpio -o -H newc --quiet)
}

# boot runs the machine until it powers off. Without cx16: cmpxchg16b of qemu 7.2
# spoils the flags, which crashes Linux 6.12 in its memory allocator. The
# processors take turns: side by side, one ran an int3 of code being patched.
boot() {
	timeout "${SECONDS_MAX:-1800}" qemu-system-x86_64 -accel tcg,thread=single -cpu max,-cx16 -smp 2 -m 2G \
		-display none -monitor none -serial stdio -no-reboot -net none -kernel "$1" -initrd "$2" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off" </dev/null 2>&1 | tr -d '\r'
}

# report prints a line for each package and fails unless all are ok.
report() {
	local version=$1 package result bad=0
	shift
	for package; do
		result=$(sed -n "s,^vm: end $package ,,p" "$bin/$version.log")
		printf '%-5s %-28s %s\n' "$version" "$package" "${result:-FAIL: it did not end}"
		[[ $result == ok* ]] || bad=1
	done
	return "$bad"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$bin"
image "$work/root" "$@"
archive "$work/root" >"$work/root.cpio"
status=0
for version in "${versions[@]}"; do
	test/vm/kernel.sh "$version" "$bin/$version"
	drivers "$bin/$version" "$work/$version"
	{ cat "$work/root.cpio" && archive "$work/$version"; } >"$work/initrd"
	boot "$bin/$version/vmlinuz" "$work/initrd" >"$bin/$version.log" || true
	report "$version" "$@" || status=1
done
exit "$status"
