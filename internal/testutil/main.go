// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf/rlimit"
	"go.uber.org/goleak"
)

// Main runs the tests of a package and fails them all if they leave goroutines
// or file descriptors behind. Call it from TestMain.
func Main(m *testing.M) {
	// Below Linux 5.11 the usual limit ends the tests of a package halfway.
	if err := rlimit.RemoveMemlock(); err != nil {
		fmt.Fprintln(os.Stderr, "tests run with a limit of memory:", err)
	}
	before := openFiles()
	code := m.Run()
	if code == 0 {
		code = reportLeaks(before)
	}
	os.Exit(code) //nolint:forbidigo,revive // stands in for the exit of the test binary's main
}

func reportLeaks(before map[string]string) int {
	code := 0
	if err := goleak.Find(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	for fd, target := range openFiles() {
		if before[fd] != target && !isRuntimeFile(target) {
			fmt.Fprintf(os.Stderr, "file descriptor %s left open: %s\n", fd, target)
			code = 1
		}
	}
	return code
}

// isRuntimeFile tells the files of Go's own network poller, opened on first
// use and never closed.
func isRuntimeFile(target string) bool {
	return strings.HasPrefix(target, "anon_inode:[event")
}

// openFiles maps the process's file descriptors to what they stand for.
func openFiles() map[string]string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	files := make(map[string]string, len(entries))
	for _, entry := range entries {
		// The descriptor of the listing itself is gone by now.
		if target, err := os.Readlink(filepath.Join(dir, entry.Name())); err == nil {
			files[entry.Name()] = target
		}
	}
	return files
}
