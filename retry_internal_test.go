// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	t.Parallel()
	var b backoff
	now := time.Unix(1000, 0)
	qt.Check(t, qt.IsTrue(b.due(now)))
	for _, want := range []time.Duration{firstRetry, 2 * firstRetry, 4 * firstRetry} {
		b.failed(now)
		qt.Check(t, qt.IsFalse(b.due(now.Add(want-1))))
		qt.Check(t, qt.IsTrue(b.due(now.Add(want))))
	}
	for range 20 {
		b.failed(now)
	}
	qt.Check(t, qt.IsTrue(b.due(now.Add(lastRetry))))
}
