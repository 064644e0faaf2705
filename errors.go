// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"errors"
	"os"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/linktable"
)

// Errors that a caller may want to tell apart; the methods name those they return.
var (
	// ErrClosed says that the Runtime is closed.
	ErrClosed = os.ErrClosed
	// ErrRefused says that the program could harm traffic in the mode asked for.
	// The error is a *[RefusedError], which says how.
	ErrRefused = dispatch.ErrRefused
	// ErrNoProgram says that the object has no program of that name.
	ErrNoProgram = dispatch.ErrNoProgram
	// ErrNotAttached says that the target was never added, or is removed.
	ErrNotAttached = errors.New("not attached")
	// ErrHostNetwork says that the target has no network of its own: its packets
	// go over the host's links, where they cannot be told from the host's.
	ErrHostNetwork = linktable.ErrHostNetwork
	// ErrNotSupported says that the kernel is too old for the backend asked for.
	ErrNotSupported = hook.ErrNotSupported
	// ErrOrder says that the backend cannot give the order asked for.
	ErrOrder = hook.ErrOrder
)

// RefusedError says what a program does that it may not do.
type RefusedError = dispatch.RefusedError
