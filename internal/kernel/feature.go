// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/netns"
)

// ErrNotSupported tells that a probe was refused because the kernel does not
// have the feature, or a setting turns it off, and not for a lack of rights.
var ErrNotSupported = errors.New("not available")

// State is what a probe found.
type State uint8

// A feature is unknown when the probe could not be made, most often for lack
// of a capability.
const (
	Unknown State = iota
	Available
	Missing
)

// String returns the state as doctor prints it.
func (s State) String() string {
	switch s {
	case Available:
		return "available"
	case Missing:
		return "missing"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Feature is one thing that a kernel has or lacks.
type Feature struct {
	// Name is short and stable, for scripts.
	Name string
	// Since is the first Linux version with it, for this machine's
	// architecture.
	Since string
	// With and Without say what it means for the user when the kernel has it
	// and when it has not.
	With, Without string
	// Essential features have no replacement: nothing can be attached without.
	Essential bool
}

// Result is what the probe of one feature found.
type Result struct {
	Feature
	State State
	// Err is why the feature is missing or unknown, nil if it is available.
	Err error
}

// probe tries one feature. A nil error means that the kernel has it, one that
// wraps ErrNotSupported that it has not, any other that nobody knows.
type probe struct {
	feature Feature
	try     func(*site) error
}

// site is what several probes share: a private network namespace with nothing
// but a loopback link, and a program that does nothing. Each carries the error
// of making it instead, so that probes that need neither still run.
type site struct {
	ns      *netns.NS
	nsErr   error
	prog    *ebpf.Program
	progErr error
}

func newSite() *site {
	s := &site{}
	s.ns, s.nsErr = netns.New()
	s.prog, s.progErr = idleProgram()
	return s
}

func (s *site) close() error {
	var errs []error
	if s.prog != nil {
		errs = append(errs, s.prog.Close())
	}
	if s.ns != nil {
		errs = append(errs, s.ns.Close())
	}
	return errors.Join(errs...)
}

// inside runs fn in the private namespace.
func (s *site) inside(fn func() error) error {
	if s.nsErr != nil {
		return s.nsErr
	}
	return s.ns.Do(fn)
}

// Features tries every feature and returns what was found, the essential ones
// first. It takes some tens of milliseconds, most of them for the kernel to
// take the hooks off again.
//
// Returns an error only if something that a probe made could not be freed.
func Features() ([]Result, error) {
	s := newSite()
	probes := allProbes()
	results := make([]Result, len(probes))
	for i, p := range probes {
		err := p.try(s)
		results[i] = Result{Feature: p.feature, State: stateOf(err), Err: err}
	}
	if err := s.close(); err != nil {
		return results, fmt.Errorf("close what the probes made: %w", err)
	}
	return results, nil
}

func stateOf(err error) State {
	switch {
	case err == nil:
		return Available
	case errors.Is(err, ErrNotSupported), errors.Is(err, ebpf.ErrNotSupported):
		return Missing
	default:
		return Unknown
	}
}
