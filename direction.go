// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"fmt"

	"github.com/boathook/boathook/internal/dispatch"
)

// Direction is the way of a packet as the target sees it.
type Direction uint8

const (
	// Ingress is traffic into the container, or into the link of an interface target.
	Ingress Direction = iota + 1
	// Egress is traffic out of it.
	Egress
)

// String returns "ingress" or "egress".
func (d Direction) String() string {
	switch d {
	case Ingress:
		return "ingress"
	case Egress:
		return "egress"
	default:
		return fmt.Sprintf("direction(%d)", uint8(d))
	}
}

// Verdict says which of a program's verdicts count.
type Verdict uint8

const (
	// Observe lets every packet go on, whatever the program returns.
	Observe Verdict = iota
	// Drop honours TC_ACT_SHOT. Everything else goes on to what comes next on the hook.
	Drop
	// Enforce does what the program returns: TC_ACT_OK keeps what comes next from running.
	Enforce
)

// String returns "observe", "drop" or "enforce".
func (v Verdict) String() string { return v.mode().String() }

func (v Verdict) mode() dispatch.Mode {
	switch v {
	case Drop:
		return dispatch.Drop
	case Enforce:
		return dispatch.Enforce
	default:
		return dispatch.Observe
	}
}
