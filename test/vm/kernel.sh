#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# kernel.sh VERSION FOLDER
#
# Puts Debian's kernel of that version into FOLDER: the file vmlinuz, and the
# modules as modprobe -d FOLDER finds them. The archive is the one that apt knows
# on this machine; apt's own lists are left as they are. Returns at once if the
# kernel is there: remove the folder for a newer one.
set -euo pipefail

version=$1 folder=$(realpath -m "$2")
case $version in
5.10) suite=bullseye-security packages=('^linux-image-5\.10\.0-[0-9]+-cloud-amd64-unsigned$') ;;
6.1) suite=bookworm-security packages=('^linux-image-6\.1\.0-[0-9]+-cloud-amd64-unsigned$') ;;
6.12) suite=bookworm-backports packages=('^linux-image-6\.12\.[0-9.]+\+deb12-cloud-amd64-unsigned$') ;;
7.3) suite=trixie-backports packages=('^linux-'{binary,modules}'-7\.3\.[0-9.]+\+deb13-cloud-amd64$') ;;
*)
	echo "kernel.sh: no Debian suite known for Linux $version" >&2
	exit 2
	;;
esac
[ ! -e "$folder/vmlinuz" ] || exit 0

mkdir -p "$folder"
work=$(mktemp -d -p "$folder")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

# The archive's address: that of a suite of the same kind, security or not.
# shellcheck disable=SC2016 # apt's own words, not the shell's
like=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
	awk -v suite="$suite" '($2 ~ /-security$/) == (suite ~ /-security$/) { print $1; exit }')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $like $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<-CONF
	Dir::Etc::SourceList "$work/sources.list";
	Dir::Etc::SourceParts "/dev/null";
	Dir::State::Lists "$work/lists";
	Dir::Cache "$work/cache";
	APT::Sandbox::User "root";
	Acquire::Languages "none";
CONF
export APT_CONFIG=$work/apt.conf
apt-get -qq update

cd "$work"
for pattern in "${packages[@]}"; do
	# The newest may be listed before it can be fetched.
	for name in $(apt-cache pkgnames linux- | grep -E "$pattern" | sort -rV | head -n 6); do
		apt-get -qq download "$name" 2>/dev/null || continue
		dpkg -x "$name"_*.deb tree
		continue 2
	done
	echo "kernel.sh: $suite has no package that matches $pattern" >&2
	exit 1
done
# Newer packages have them below /usr.
mkdir -p "$folder/lib"
mv tree/lib/modules "$folder/lib/" 2>/dev/null || mv tree/usr/lib/modules "$folder/lib/"
depmod -b "$folder" "$(ls "$folder/lib/modules")" 2>/dev/null # says that lists of built-in ones are missing
find tree "$folder/lib" -name 'vmlinuz*' -exec cp {} "$folder/vmlinuz" \;
