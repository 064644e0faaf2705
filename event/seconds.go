// SPDX-License-Identifier: Apache-2.0

package event

import (
	"sync/atomic"
	"time"
)

// seconds remembers how seconds are written: nearly all records are of the last
// few. Safe for concurrent use.
type seconds [64]atomic.Pointer[second]

// second is one second in text.
type second struct {
	unix int64
	text [len("2006-01-02T15:04:05")]byte
}

// append appends a time as appendTime does.
func (s *seconds) append(dst []byte, t time.Time) []byte {
	unix := t.Unix()
	place := &s[uint64(unix)%uint64(len(s))]
	known := place.Load()
	if known == nil || known.unix != unix {
		text := appendTime(nil, t)
		if len(text) != len(timeForm) || text[len(known.text)] != '.' { // a year of five digits
			return append(dst, text...)
		}
		known = &second{unix: unix, text: [len(known.text)]byte(text[:len(known.text)])}
		place.Store(known)
	}
	return appendNanos(append(dst, known.text[:]...), t.Nanosecond())
}
