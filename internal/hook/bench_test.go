// SPDX-License-Identifier: Apache-2.0

package hook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/hook"
)

// BenchmarkAttachAndDetach makes and removes programs on both points of links,
// in a namespace of 1,000 links, and tells the two apart. The time per operation
// is their sum.
func BenchmarkAttachAndDetach(b *testing.B) {
	ns, indexes := mustLinks(b, 500)
	prog := mustProgram(b, "bench", unspec)
	var reqs []hook.Request
	for _, index := range indexes {
		reqs = append(reqs,
			hook.Request{Index: index, Program: prog},
			hook.Request{Index: index, Point: hook.Egress, Program: prog})
	}
	// What the first program on a host switches on is none of our costs.
	for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
		other, others := mustLinks(b, 1)
		mustAttach(b, mustOpen(b, other, backend, hook.Options{}),
			hook.Request{Index: others[0], Program: prog},
			hook.Request{Index: others[0], Point: hook.Egress, Program: prog})
	}
	for _, links := range []int{1, 10, 100, 1000} {
		for _, backend := range []hook.Backend{hook.TCX, hook.Clsact} {
			b.Run(fmt.Sprintf("%s/%d", backend, links), func(b *testing.B) {
				set := mustOpen(b, ns, backend, hook.Options{Expedite: hook.NewWindow(), LinkAge: old})
				var attach, detach time.Duration
				for b.Loop() {
					start := time.Now()
					hooks := mustAttach(b, set, reqs[:2*links]...)
					attached := time.Now()
					qt.Assert(b, qt.IsNil(set.Detach(hooks)))
					attach += attached.Sub(start)
					detach += time.Since(attached)
				}
				b.ReportMetric(float64(attach.Microseconds())/float64(b.N), "us-attach")
				b.ReportMetric(float64(detach.Microseconds())/float64(b.N), "us-detach")
			})
		}
	}
}

// BenchmarkWindow opens and closes a window around nothing.
func BenchmarkWindow(b *testing.B) {
	window := hook.NewWindow()
	for b.Loop() {
		qt.Assert(b, qt.IsNil(window.Do(1, func() error { return nil })))
	}
}
