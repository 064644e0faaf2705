// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"testing"
	"time"
)

// pollInterval is short beside anything that a test waits for and long beside
// the cost of a look.
const pollInterval = 5 * time.Millisecond

// Eventually waits until cond holds. The test fails with what if it does not
// within timeout. cond runs on the calling goroutine.
func Eventually(tb testing.TB, timeout time.Duration, cond func() bool, what string) {
	tb.Helper()
	if !Poll(timeout, cond) {
		tb.Fatalf("not within %v: %s", timeout, what)
	}
}

// Poll waits until cond holds and says whether it does within timeout, for
// callers that have more to say about it than [Eventually] can. cond runs on the
// calling goroutine.
func Poll(timeout time.Duration, cond func() bool) bool {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			return cond()
		}
	}
	return true
}
