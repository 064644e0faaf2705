// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil"
)

// Who watches a terminal sees each packet at once, as people see things, however
// the program wakes the reader: as boathook.h does, as the kernel does, never.
func TestLinesComeSoonHoweverTheProgramWakesTheReader(t *testing.T) {
	t.Parallel()
	for name, wakeups := range map[string]uint32{"boathook.h": 0, "default": 1, "never": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cfg := w.config(t, "flood", object.Want{})
			qt.Assert(t, qt.IsNil(cfg.Object.Spec.Variables["wakeups"].Set(wakeups)))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg.Ready = func() {
				defer cancel()
				sent := time.Now()
				w.send(t)
				testutil.Eventually(t, 10*time.Second, func() bool { return strings.Contains(w.stdout.String(), "\n") }, "a line")
				// 100 ms, and what a loaded machine makes of it.
				qt.Check(t, qt.IsTrue(time.Since(sent) < 900*time.Millisecond), qt.Commentf("after %s", time.Since(sent)))
			}
			err := session.Run(ctx, cfg)
			testutil.SkipIfNotSupported(t, err)
			qt.Check(t, qt.IsNil(err))
		})
	}
}
