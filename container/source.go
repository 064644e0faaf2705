// SPDX-License-Identifier: Apache-2.0

package container

import (
	"context"
	"errors"
	"strconv"
)

// ErrUnavailable is wrapped by the error of [Source.Watch] if the runtime is
// not there or does not answer.
var ErrUnavailable = errors.New("container runtime not available")

// EventType says what an [Event] reports.
type EventType uint8

const (
	// Added reports a container that runs and was not known before.
	Added EventType = iota + 1
	// Changed reports a known container that has another name, other links or
	// other metadata. Container holds the whole new state.
	Changed
	// Removed reports that a known container has stopped. Only Runtime and ID
	// of Container are sure to be set.
	Removed
	// Synced reports that every container that ran when the list was taken has
	// been reported. Container is empty.
	Synced
	// Degraded reports that the connection is lost: what happens from now on is
	// not seen until the next Synced. Err says why. Container is empty.
	Degraded
)

// String returns the name of t in lower case.
func (t EventType) String() string {
	switch t {
	case Added:
		return "added"
	case Changed:
		return "changed"
	case Removed:
		return "removed"
	case Synced:
		return "synced"
	case Degraded:
		return "degraded"
	}
	return "event type " + strconv.Itoa(int(t))
}

// Event is one message of a [Source].
type Event struct {
	Type      EventType
	Container Container
	// Err is set for Degraded only.
	Err error
}

// Source reports the containers of one runtime. Its methods are safe for
// concurrent use; every call of Watch has its own state and connection.
type Source interface { //nolint:iface // the packages around this one implement and call it
	// Name is the value of [Container.Runtime] of all its containers.
	Name() string

	// Watch calls emit with Added for every container that runs, then with
	// Synced, then with what changes, until ctx is done; then it returns nil.
	// It returns an error only if it never reached the runtime, wrapping
	// [ErrUnavailable] if that is not there.
	//
	// A lost connection is reported once as Degraded and then retried. When it
	// is back, the differences follow, then Synced: a container that ran
	// through it all is never reported as Removed. A container that was
	// started again is Removed, then Added.
	//
	// emit is called from one goroutine at a time, never after Watch has
	// returned. It should return soon, but nothing is lost if it does not.
	Watch(ctx context.Context, emit func(Event)) error
}
