// SPDX-License-Identifier: Apache-2.0

package boathook

import "github.com/boathook/boathook/internal/linktable"

// Asked is how often the kernel was needed so far, by all homes together.
func (r *Runtime) Asked() linktable.Asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	var sum linktable.Asked
	for _, s := range r.homesLocked() {
		asked := s.table.Asked()
		sum.Dumps += asked.Dumps
		sum.Questions += asked.Questions
		sum.Visits += asked.Visits
	}
	return sum
}

// Idle says that no trace of a target is left.
func (r *Runtime) Idle() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := r.directory
	named := 0
	for home := range d.byID {
		named += len(d.byID[home]) + len(d.strangers[home])
	}
	return len(r.tenants)+len(r.targets)+len(r.failed)+named+len(d.byLink)+r.attached+r.copies == 0
}
