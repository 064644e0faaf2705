// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"bufio"
	"os"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/netns"
)

// Child starts the test binary again with one more variable in its environment,
// by which its TestMain knows what to do, and with ns as file 3. It returns when
// the child has written the line "ready". The child's stdin stays open: one that
// reads it waits until it is killed, at the latest at the end of the test.
func Child(tb testing.TB, variable string, ns *netns.NS) *exec.Cmd {
	tb.Helper()
	file, err := os.Open(Path(ns))
	qt.Assert(tb, qt.IsNil(err))
	child := exec.CommandContext(tb.Context(), "/proc/self/exe")
	child.Env = append(os.Environ(), variable)
	child.ExtraFiles = []*os.File{file}
	child.Stderr = os.Stderr
	_, err = child.StdinPipe()
	qt.Assert(tb, qt.IsNil(err))
	stdout, err := child.StdoutPipe()
	qt.Assert(tb, qt.IsNil(err))
	qt.Assert(tb, qt.IsNil(child.Start()))
	qt.Check(tb, qt.IsNil(file.Close()))
	line, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Check(tb, qt.IsNil(err))
	qt.Check(tb, qt.Equals(line, "ready\n"))
	return child
}
