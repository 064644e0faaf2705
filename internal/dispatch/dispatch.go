// SPDX-License-Identifier: Apache-2.0

// Package dispatch runs a user's tc program behind a program of ours.
//
// A [Source] is the user's programs, checked, with the maps that all copies
// share. A [Load] is one copy: the dispatcher, a slot that holds the program,
// and the table that says whose link a packet is on. What is attached to hooks
// is the dispatcher of a load; the program in its slot can be swapped without a
// packet missed.
//
// Requires at least Linux 5.10 on x86-64 and 6.0 on arm64, with the JIT on.
package dispatch

import (
	"errors"
	"fmt"
)

//go:generate go tool -modfile=../../tools/go.mod bpf2go -tags linux -target bpfel -type link -type traffic dispatcher dispatcher.bpf.c -- -O2 -g -Wall -Werror -I../../bpf/libbpf

// ErrFull says that a load has no room for another link: make one more.
var ErrFull = errors.New("no room for another link")

// ErrRefused is the error, wrapped, for a program that could do harm.
var ErrRefused = errors.New("program refused")

// Mode says which of a program's verdicts count.
type Mode uint8

const (
	// Observe lets every packet go on whatever the program says.
	Observe Mode = iota
	// Drop honours TC_ACT_SHOT; everything else goes on to whoever comes next.
	Drop
	// Enforce does what the program says.
	Enforce
)

func (m Mode) String() string {
	switch m {
	case Observe:
		return "observe"
	case Drop:
		return "drop"
	case Enforce:
		return "enforce"
	default:
		return fmt.Sprintf("mode(%d)", uint8(m))
	}
}

// RefusedError names what a program does that its mode does not allow.
type RefusedError struct {
	Program string
	// Reason completes the sentence "program X ...".
	Reason string
	// Hint says what lifts the refusal; empty if nothing does.
	Hint string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("program %s %s", e.Program, e.Reason)
}

// Unwrap makes every refusal an [ErrRefused].
func (*RefusedError) Unwrap() error { return ErrRefused }
