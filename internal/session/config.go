// SPDX-License-Identifier: Apache-2.0

// Package session is one run of a program on the command line: it is where
// targets, program and output meet.
package session

import (
	"io"
	"log/slog"
	"time"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/event"
	"github.com/boathook/boathook/internal/object"
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
	// Sources, if there are any, are asked for containers in place of those that
	// Targets name.
	Sources []container.Source
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
	// IncludeSSH does not leave out the connection that the user is logged in by.
	IncludeSSH bool
	// NoFollow takes only what runs at the start.
	NoFollow bool

	// Ready is called once, when the first hooks are live; nil: nobody waits for it.
	Ready func()
	// Printed is told of each record after it was written, one at a time, and keeps
	// nothing of it; nil drops it.
	Printed func(*event.Record)

	Env Env
}

// Env is the world outside.
type Env struct {
	// Stdout and Stderr take whole lines, from several goroutines at once.
	Stdout, Stderr io.Writer
	// Terminal says that Stdout is one, Width its characters in a line.
	Terminal bool
	Width    int
	Log      *slog.Logger
	// SSHConnection is the variable SSH_CONNECTION: client address and port, server
	// address and port; empty outside of ssh.
	SSHConnection string
}
