// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/hook"
)

// Backend is the way onto a hook.
type Backend uint8

const (
	// Auto is TCX where the kernel has it, else Clsact.
	Auto Backend = iota
	// TCX is bpf links, gone with the process. Requires at least Linux 6.6.
	TCX
	// Clsact is cls_bpf filters on a clsact qdisc. A filter that outlives a killed
	// process lets every packet pass.
	Clsact
)

// String returns "auto", "tcx" or "clsact".
func (b Backend) String() string {
	switch b {
	case TCX:
		return hook.TCX.String()
	case Clsact:
		return hook.Clsact.String()
	default:
		return "auto"
	}
}

// Position is a place among the programs of a hook.
type Position uint8

const (
	// DefaultPosition is First under Observe, so that everything is seen, and Last otherwise.
	DefaultPosition Position = iota
	// First is before all others.
	First
	// Last is behind all others.
	Last
	// Before is before the program Order.Program.
	Before
	// After is behind the program Order.Program.
	After
)

// Order is where on a hook the program goes. The zero value is DefaultPosition.
type Order struct {
	Position Position
	// Program is the id of the program that Before and After refer to.
	Program ebpf.ProgramID
}

func (o Order) on(v Verdict) hook.Order {
	switch o.Position {
	case Before:
		return hook.Order{Position: hook.Before, Program: o.Program}
	case After:
		return hook.Order{Position: hook.After, Program: o.Program}
	case Last:
		return hook.Order{Position: hook.Last}
	case DefaultPosition:
		if v != Observe {
			return hook.Order{Position: hook.Last}
		}
	case First:
	}
	return hook.Order{Position: hook.First}
}
