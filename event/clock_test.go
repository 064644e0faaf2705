// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/event"
)

// stamped is a struct network with nothing but its timestamp.
func stamped(tb testing.TB, s *event.Schema, ns uint64) []byte {
	tb.Helper()
	raw := make([]byte, s.Size())
	copy(raw[72:], pack(tb, ns))
	return raw
}

func TestClockFollowsTheWallClock(t *testing.T) {
	t.Parallel()
	var readings atomic.Int64
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := event.NewClock(func() event.Readings {
		n := readings.Add(1)
		return event.Readings{Wall: start.Add(time.Duration(n) * time.Hour), Monotonic: time.Duration(n) * time.Minute}
	})
	s := mustFind(t, "network").WithClock(clock)
	for range 3 {
		at, _ := s.Time(stamped(t, s, uint64(time.Minute)))
		qt.Check(t, qt.Equals(at, start.Add(time.Hour)))
	}
	qt.Check(t, qt.Equals(readings.Load(), 1))
	at, _ := s.Time(stamped(t, s, uint64(2*time.Minute)))
	qt.Check(t, qt.Equals(at, start.Add(2*time.Hour)))
	qt.Check(t, qt.Equals(readings.Load(), 2))
}

func TestTimestampsSince1970AreTakenAsTheyAre(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "network")
	want := time.Date(2026, 5, 6, 7, 8, 9, 10, time.UTC)
	at, ok := s.Time(stamped(t, s, uint64(want.UnixNano())))
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(at, want))
}

func TestSystemClockAgreesWithTheKernel(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "network").WithClock(event.SystemClock())
	var now unix.Timespec
	qt.Assert(t, qt.IsNil(unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)))
	at, ok := s.Time(stamped(t, s, uint64(now.Nano())))
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.IsTrue(time.Since(at).Abs() < time.Second), qt.Commentf("%s", at))
}

func TestTimesAreWrittenWithTheirOwnSecond(t *testing.T) {
	t.Parallel()
	s := mustFind(t, "flexible")
	at := time.Date(2026, 12, 31, 23, 59, 58, 999_999_999, time.UTC)
	for range 200 {
		for _, when := range []time.Time{at, at.Add(-64 * time.Second), at.Add(time.Nanosecond), at.AddDate(8000, 0, 0), at.AddDate(-2030, 0, 0)} {
			r := event.Record{Time: when.In(time.FixedZone("", 3600)), Schema: s}
			text, _ := mustTree(t, r.AppendJSON(nil))["time"].(string)
			got, err := time.Parse(time.RFC3339Nano, text)
			if when.Year() >= 0 && when.Year() <= 9999 {
				qt.Assert(t, qt.IsNil(err))
				qt.Assert(t, qt.IsTrue(got.Equal(when)), qt.Commentf("%s for %s", got, when))
			}
		}
		at = at.Add(777_777_777 * time.Nanosecond)
	}
}
