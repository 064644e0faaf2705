// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/boathook/boathook/internal/kernel"
)

// env is everything that the command touches outside itself.
type env struct {
	stdout, stderr io.Writer
	// terminal says that stdout is one, width its characters in a line.
	terminal bool
	width    int
	// missingCaps lists the capabilities that this process lacks.
	missingCaps func() ([]kernel.Capability, error)
}

func systemEnv() env {
	// A reader that goes away is an error of the next write, not the end of us:
	// what is attached must be detached first.
	signal.Ignore(syscall.SIGPIPE)
	e := env{stdout: os.Stdout, stderr: os.Stderr, missingCaps: kernel.MissingCaps}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		e.terminal = true
		if width, _, err := term.GetSize(fd); err == nil {
			e.width = width
		}
	}
	return e
}
