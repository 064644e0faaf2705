// SPDX-License-Identifier: Apache-2.0

package event

import (
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// clockSource is the kernel clock that a timestamp was taken from.
type clockSource uint8

const (
	monotonic  clockSource = iota // bpf_ktime_get_ns: stands still while the machine sleeps
	boot                          // bpf_ktime_get_boot_ns
	typedBoot                     // the same, said by the C type and not guessed from a name
	clockCount = 2
)

// wallClockNanos separates nanoseconds since 1970 (this is 2001) from
// nanoseconds since boot (this is 31 years of them). Programs store both, the
// former from bpf_ktime_get_tai_ns or skb->tstamp.
const wallClockNanos = 1_000_000_000_000_000_000

// offsetAge is how long the distance between two clocks is believed, in
// nanoseconds. NTP moves the wall clock by at most 0.5 ms in that time.
const offsetAge = int64(time.Second)

// Readings are the values of the kernel's clocks at one moment.
type Readings struct {
	Wall      time.Time
	Monotonic time.Duration // CLOCK_MONOTONIC
	Boot      time.Duration // CLOCK_BOOTTIME
}

// Clock converts the kernel's nanoseconds since boot to wall clock time. It
// reads the clocks again when a timestamp is a second newer than the last
// reading, and so follows corrections of the wall clock and suspended machines
// without reading a clock for each record. Safe for concurrent use.
type Clock struct {
	read    func() Readings
	offsets [clockCount]offset
	written seconds
}

// offset is the distance of one kernel clock from the wall clock.
type offset struct {
	nanos atomic.Int64
	until atomic.Int64 // the newest timestamp of that clock for which nanos holds
}

// NewClock returns a clock that takes its readings from read, which must be
// safe for concurrent use.
func NewClock(read func() Readings) *Clock {
	c := &Clock{read: read}
	for i := range c.offsets {
		c.offsets[i].until.Store(math.MinInt64)
	}
	return c
}

// SystemClock returns a clock that reads the machine's own clocks.
func SystemClock() *Clock { return NewClock(systemReadings) }

// wall converts ns, read from source by a program.
func (c *Clock) wall(source clockSource, ns uint64) time.Time {
	if ns >= wallClockNanos {
		if ns > math.MaxInt64 {
			ns = math.MaxInt64
		}
		return time.Unix(0, int64(ns)).UTC()
	}
	o := &c.offsets[min(source, boot)]
	if int64(ns) > o.until.Load() {
		c.refresh()
	}
	return time.Unix(0, o.nanos.Load()+int64(ns)).UTC()
}

func (c *Clock) refresh() {
	r := c.read()
	for source, since := range [clockCount]time.Duration{monotonic: r.Monotonic, boot: r.Boot} {
		c.offsets[source].nanos.Store(r.Wall.UnixNano() - int64(since))
		c.offsets[source].until.Store(int64(since) + offsetAge)
	}
}

func systemReadings() Readings {
	return Readings{
		Wall:      time.Now(),
		Monotonic: sinceBoot(unix.CLOCK_MONOTONIC),
		Boot:      sinceBoot(unix.CLOCK_BOOTTIME),
	}
}

// sinceBoot reads one of the two clocks that every Linux has: an error cannot
// happen, and its result, 0, would show times since 1970.
func sinceBoot(id int32) time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(id, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
