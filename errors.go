// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"os"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
	"github.com/boathook/boathook/internal/netns"
)

// Errors that a caller may want to tell apart; the methods name those they return.
var (
	// ErrClosed says that the Runtime is closed, or a program that was handed to it.
	// It is os.ErrClosed.
	ErrClosed = os.ErrClosed
	// ErrRefused says that the program could harm traffic in the mode asked for, or
	// that the kernel would not let it run. The error is a *[RefusedError], which
	// says how.
	ErrRefused = dispatch.ErrRefused
	// ErrNoProgram says that there is no program of that name, or none at all.
	ErrNoProgram = dispatch.ErrNoProgram
	// ErrNotAttached says that the target was never added, or is removed.
	ErrNotAttached = errors.New("not attached")
	// ErrHostNetwork says that the target has no network of its own: its packets
	// go over the host's links, where they cannot be told from the host's.
	ErrHostNetwork = linktable.ErrHostNetwork
	// ErrNotSupported says that the kernel is too old for the backend asked for. It
	// is ebpf.ErrNotSupported of github.com/cilium/ebpf.
	ErrNotSupported = hook.ErrNotSupported
	// ErrOrder says that the backend cannot give the order asked for, as when the
	// program that it refers to is not on the hook.
	ErrOrder = hook.ErrOrder
	// ErrIngressQdisc says that a qdisc of kind ingress is where [Clsact] needs one
	// of its own. It is somebody else's, and stays.
	ErrIngressQdisc = hook.ErrIngressQdisc
	// ErrNotNetns says that Target.NetnsPath leads to something else than a network
	// namespace, for example to the file of one that was unmounted.
	ErrNotNetns = netns.ErrNotNetns
)

// closedError is ErrClosed with the name of what is closed: that one speaks of a file.
type closedError struct{}

func (closedError) Error() string { return "runtime is closed" }

func (closedError) Unwrap() error { return ErrClosed }

// RefusedError says what a program does that it may not do. Its fields are strings:
// Program is the program's name, Reason completes the sentence "program X ...", and
// Hint says what lifts the refusal, in the words of the command line (for
// --allow-writes set Options.AllowWrites); it is empty if nothing does.
type RefusedError = dispatch.RefusedError
