// SPDX-License-Identifier: Apache-2.0

package dockertest

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// Shared is one daemon for all tests of a package, started by the first test
// that needs it. The zero value is ready. It is safe for concurrent use.
type Shared struct {
	once   sync.Once
	daemon *Daemon
	err    error
}

// Daemon returns the daemon. It skips the test where [Start] would.
func (s *Shared) Daemon(tb testing.TB) *Daemon {
	tb.Helper()
	s.once.Do(func() { s.daemon, s.err = start() })
	skipIfMissing(tb, s.err)
	if s.err != nil {
		tb.Fatal(s.err)
	}
	return s.daemon
}

// Main runs the tests, stops the daemon, and exits. It fails if the daemon
// leaves something behind or a test leaves goroutines behind. Call it from
// TestMain.
func (s *Shared) Main(m *testing.M) {
	code := m.Run()
	code = max(code, report(s.Close()))
	if code == 0 {
		code = report(goleak.Find())
	}
	os.Exit(code) //nolint:forbidigo,revive // stands in for the exit of the test binary's main
}

// Close stops the daemon if a test has started it, for a TestMain that has more
// to do than [Shared.Main]. It fails if the daemon leaves something behind.
func (s *Shared) Close() error {
	if s.daemon == nil {
		return nil
	}
	return s.daemon.stop()
}

func report(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}
