// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"github.com/boathook/boathook/internal/testutil"
)

const (
	// tableVariable names the file that figures are written to. It says as well that
	// the process is in a network namespace of its own.
	tableVariable = "BOATHOOK_BENCH_TABLE"
	// roleVariable makes the test binary one of the processes that figures need.
	roleVariable = "BOATHOOK_BENCH_ROLE"
)

// TestMain runs everything in another process whose network namespace is new: a
// Runtime takes that of its process for the host's. Then it prints the figures.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := play(role); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1) //nolint:forbidigo // a child is a main of its own
		}
		return
	}
	if os.Getenv(tableVariable) != "" {
		testutil.Main(m)
	}
	code, err := again()
	if errors.Is(err, os.ErrPermission) {
		testutil.Main(m) // everything is skipped
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code) //nolint:forbidigo // stands in for the exit of the test binary's main
}

// again runs the test binary once more and prints the table that it has filled.
func again() (code int, err error) {
	file, err := os.CreateTemp("", "boathook-bench")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx // the test's own timeout ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), tableVariable+"="+file.Name())
	// The signal comes when the thread ends that has started the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), printTable(os.Stdout, file.Name())
	}
	if err != nil {
		return 1, err
	}
	return 0, printTable(os.Stdout, file.Name())
}
