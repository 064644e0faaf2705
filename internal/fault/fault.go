// SPDX-License-Identifier: Apache-2.0

// Package fault says errors to people: what happened in one line, a hint that
// helps, and the exit code that scripts rely on.
package fault

import (
	"errors"
	"fmt"
)

// Exit codes of the command.
const (
	CodeOK      = 0
	CodeFailure = 1 // something went wrong
	CodeUsage   = 2 // the command line is wrong
	CodeNoMatch = 3 // nothing matched
)

// Error is an error with a hint and an exit code. Safe for concurrent use.
type Error struct {
	err  error
	hint string
	code int
}

// Usage is an error of the command line. The format is that of fmt.Errorf.
func Usage(hint, format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...), hint: hint, code: CodeUsage}
}

// Failure is an error of the work itself.
func Failure(hint, format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...), hint: hint, code: CodeFailure}
}

// NoMatch is the error of a selection that picked nothing.
func NoMatch(hint, format string, args ...any) error {
	return &Error{err: fmt.Errorf(format, args...), hint: hint, code: CodeNoMatch}
}

func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the error without hint and code.
func (e *Error) Unwrap() error { return e.err }

// Hint is what may help; empty if nothing is known to.
func Hint(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.hint
	}
	return ""
}

// Code is the exit code for err; 0 for nil, [CodeFailure] for errors without one.
func Code(err error) int {
	if err == nil {
		return CodeOK
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.code
	}
	return CodeFailure
}
