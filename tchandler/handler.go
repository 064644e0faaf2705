// SPDX-License-Identifier: Apache-2.0

package tchandler

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
)

// AttachmentDirection is the way of the packets that a Handler's program sees:
// that of the container for containers, that of the link for interfaces.
type AttachmentDirection int

const (
	// AttachmentDirectionUnspec is no direction. NewHandler refuses it.
	AttachmentDirectionUnspec AttachmentDirection = iota
	// AttachmentDirectionIngress is traffic into the container or interface.
	AttachmentDirectionIngress
	// AttachmentDirectionEgress is traffic out of it.
	AttachmentDirectionEgress
)

// Handler runs one program, in one direction, on containers and interfaces. Safe
// for concurrent use; no method may be called from a callback of its options.
type Handler struct {
	rt        *boathook.Runtime
	direction AttachmentDirection
	early     *ebpf.Map
	// hostPID is a process in the network namespace of the host, 0 if that is ours.
	hostPID int

	mu     sync.Mutex // guards the fields below
	closed bool
	users  map[string]boathook.Target // by key
	// failed are the keys of containers that could not be attached and are not detached since.
	failed map[string]struct{}
}

// NewHandler opens a Handler for one direction, with the default options of a
// [boathook.Runtime]. The caller must Close it.
//
// Unlike the predecessor it refuses AttachmentDirectionUnspec, and needs no
// process 1 in the network namespace of the host. Returns the errors of
// [boathook.New].
func NewHandler(direction AttachmentDirection) (*Handler, error) {
	return NewHandlerWith(direction, boathook.Options{})
}

// NewHandlerWith is NewHandler with options: a backend, a place among the programs
// of others, Notify for what goes wrong behind the caller's back. The program
// comes with AttachProg; opts.Program must be empty.
func NewHandlerWith(direction AttachmentDirection, opts boathook.Options) (*Handler, error) {
	if direction != AttachmentDirectionIngress && direction != AttachmentDirectionEgress {
		return nil, fmt.Errorf("direction %d is neither ingress nor egress", direction)
	}
	if p := opts.Program; p.Spec != nil || p.Loaded != nil || p.Ingress != "" || p.Egress != "" {
		return nil, errors.New("the program of a handler comes with AttachProg")
	}
	h := &Handler{
		direction: direction, hostPID: hostPID(),
		users: map[string]boathook.Target{}, failed: map[string]struct{}{},
	}
	var err error
	if h.early, err = newEarlyMap(); err != nil {
		return nil, err
	}
	prog, err := newEarlyProgram(h.early)
	if err != nil {
		return nil, errors.Join(err, h.early.Close())
	}
	opts.Program = h.program(earlyName, prog)
	h.rt, err = boathook.New(opts)
	if err = errors.Join(err, prog.Close()); err != nil {
		return nil, errors.Join(err, h.early.Close())
	}
	return h, nil
}

// closedError is boathook.ErrClosed with the name of what is closed.
type closedError struct{}

func (closedError) Error() string { return "handler is closed" }

func (closedError) Unwrap() error { return boathook.ErrClosed }

// program is prog in the handler's direction.
func (h *Handler) program(name string, prog *ebpf.Program) boathook.Program {
	p := boathook.Program{Loaded: map[string]*ebpf.Program{name: prog}}
	if h.direction == AttachmentDirectionIngress {
		p.Ingress = name
	} else {
		p.Egress = name
	}
	return p
}

// hostPID returns 1 if process 1 is in another network namespace than we are, as
// in a container that sees the processes of its host. The host ends of other
// containers' links are there.
func hostPID() int {
	self, err := os.Stat("/proc/self/ns/net")
	if err != nil {
		return 0
	}
	first, err := os.Stat("/proc/1/ns/net")
	if err != nil || os.SameFile(self, first) {
		return 0
	}
	return 1
}

// AttachProg makes prog the program, on everything that is attached and will be.
// It may be called before or after the other methods, and again: each packet is
// seen by the program before or by this one, never by both or neither. prog stays
// the caller's, who may close it; its maps and events are the caller's to read.
//
// Unlike the predecessor it keeps the program alive, lets what it returns decide
// nothing unless the Handler's options say so, and refuses at once, by name, a
// program that cannot run or could do harm: the error wraps [boathook.ErrRefused]
// for one of another type or attach type than SchedCLS and none, or one that
// changes packets without Options.AllowWrites, and [boathook.ErrNoProgram] for
// nil. On error the program before runs on. Returns [boathook.ErrClosed] after
// Close, and also, with the program's name, for a program that is closed.
func (h *Handler) AttachProg(prog *ebpf.Program) error {
	name := "program"
	if prog != nil {
		// A closed one has no name, and is refused below.
		if info, err := prog.Info(); err == nil && info.Name != "" {
			name = info.Name
		}
	}
	return h.rt.Replace(context.Background(), h.program(name, prog))
}

// Runtime is what the Handler runs on, for what the predecessor could not tell:
// Attachments with their counters, Targets with their errors, Totals. Its targets
// are called "container/ID" and "interface/IFINDEX", or that and "+" after they
// were attached again. It is the Handler's: do not close or change it.
func (h *Handler) Runtime() *boathook.Runtime { return h.rt }

// Close detaches everything. Unlike the predecessor's it may be called more than
// once and while other methods run; after it they return [boathook.ErrClosed]. It
// returns what could not be undone, and leaves the program open.
func (h *Handler) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	return errors.Join(h.rt.Close(), h.early.Close())
}
