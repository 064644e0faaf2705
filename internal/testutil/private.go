// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/boathook/boathook/internal/netns"
)

// privateVariable tells the test binary that its network namespace is its own.
const privateVariable = "BOATHOOK_TEST_PRIVATE_NETNS"

// MainPrivate is [Main] with a network namespace for the test binary alone, so
// that what it takes for the host's links are links made for it: examples have no
// way to ask for them. prepare makes them, before the tests run. Without the right
// to make a namespace nothing is prepared, and tests have to skip.
func MainPrivate(m *testing.M, prepare func() error) {
	if os.Getenv(privateVariable) != "" {
		if err := prepare(); err != nil {
			fmt.Fprintln(os.Stderr, "prepare network namespace of the tests:", err)
			os.Exit(1) //nolint:forbidigo,revive // stands in for the exit of the test binary's main
		}
		Main(m)
		return
	}
	code, err := runPrivate()
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests run in the namespace of their caller:", err)
		Main(m)
		return
	}
	os.Exit(code) //nolint:forbidigo,revive // stands in for the exit of the test binary's main
}

// runPrivate runs the test binary again, in a namespace of its own, and returns
// its exit code.
func runPrivate() (int, error) {
	ns, err := netns.New()
	if err != nil {
		return 0, err
	}
	again := exec.Command("/proc/self/exe", os.Args[1:]...) //nolint:noctx // go test itself limits the time
	again.Env = append(os.Environ(), privateVariable+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := ns.Do(again.Start); err != nil {
		return 0, errors.Join(err, ns.Close())
	}
	err = errors.Join(ns.Close(), again.Wait())
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, nil
	}
	return 0, nil
}
