// SPDX-License-Identifier: Apache-2.0

package dispatch

// After is what the dispatcher does when a program has ended.
type After = after

// The values of After.
const (
	Nothing = nothing
	Verdict = verdict
	Fields  = fields
)

// After reads it from the dispatcher.
func (l *Load) After() (After, error) {
	var a uint32
	err := l.objs.After.Get(&a)
	return After(a), err
}

// Revert takes back what Commit did.
func (s *Swap) Revert() error { return s.revert() }

// Waits says whether Commit would wait for packets first.
func (s *Swap) Waits() bool { return !s.load.knows(s.next) }
