// SPDX-License-Identifier: Apache-2.0

package session

import (
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/fault"
)

// checkPinPath finds out before anything is loaded whether maps can be pinned there.
func checkPinPath(path string) error {
	if path == "" {
		return nil
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return fault.Usage("mkdir "+path+", on a bpf filesystem such as /sys/fs/bpf", "--pin-path %s: %w", path, err)
	}
	if fs.Type != unix.BPF_FS_MAGIC {
		return fault.Usage("a folder below /sys/fs/bpf, where bpftool and others pin", "--pin-path %s is not on a bpf filesystem", path)
	}
	return nil
}
