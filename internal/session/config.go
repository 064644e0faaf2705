// SPDX-License-Identifier: Apache-2.0

// Package session is one run of a program on the command line: it is where
// targets, program and output meet.
package session

import (
	"io"
	"log/slog"
	"time"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/object"
	"github.com/cilium/ebpf"
)

// Format is how records are printed.
type Format uint8

const (
	// Columns is for people.
	Columns Format = iota
	// JSON is one object a line.
	JSON
	// None prints no records.
	None
)

// Config is a run. Everything that the user may say is in it.
type Config struct {
	Object *object.Object
	Chosen object.Chosen
	// Name is the gadget's, in records.
	Name    string
	Targets Targets
	Verdict boathook.Verdict
	// AllowWrites, Backend, Order, NeverExpedite and PinPath are those of boathook.Options.
	AllowWrites   bool
	Backend       boathook.Backend
	Order         boathook.Order
	NeverExpedite bool
	PinPath       string
	LogLevel      ebpf.LogLevel
	// Events are "MAP:STRUCT": the type of a map's records.
	Events []string
	// Maps are those to print, "all" for each; at the end, and every Interval if that is set.
	Maps     []string
	Interval time.Duration

	Format Format
	Fields string
	Where  string
	// Count ends the run after so many records, For after that time; 0 for never.
	Count uint64
	For   time.Duration
	// NoFollow takes only what runs at the start.
	NoFollow bool

	Env Env
}

// Env is the world outside.
type Env struct {
	Stdout, Stderr io.Writer
	// Terminal says that Stdout is one, Width its characters in a line.
	Terminal bool
	Width    int
	Log      *slog.Logger
}
