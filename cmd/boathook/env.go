// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/boathook/boathook/internal/kernel"
	"github.com/boathook/boathook/internal/session"
)

// env is everything that the command touches outside itself.
type env struct {
	stdout, stderr io.Writer
	// terminal says that stdout is one, width its characters in a line.
	terminal bool
	width    int
	// ssh is the variable SSH_CONNECTION.
	ssh string
	// missingCaps lists the capabilities that this process lacks.
	missingCaps func() ([]kernel.Capability, error)
}

// say and hint write talk. If that fails there is nobody to tell.
func (e env) say(format string, args ...any) {
	_, _ = fmt.Fprintf(e.stderr, "boathook: "+format+"\n", args...) //nolint:errcheck // see above
}

func (e env) hint(text string) {
	_, _ = fmt.Fprintf(e.stderr, "hint: %s\n", text) //nolint:errcheck // see above
}

func systemEnv() env {
	// A reader that goes away is an error of the next write, not the end of us:
	// what is attached must be detached first.
	signal.Ignore(syscall.SIGPIPE)
	e := env{stdout: os.Stdout, stderr: os.Stderr, ssh: os.Getenv("SSH_CONNECTION"), missingCaps: kernel.MissingCaps}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		e.terminal = true
		if width, _, err := term.GetSize(fd); err == nil {
			e.width = width
		}
	}
	return e
}

// session is the environment of a session that logs to stderr from level on.
func (e env) session(level slog.Level) session.Env {
	log := slog.New(slog.NewTextHandler(e.stderr, &slog.HandlerOptions{Level: level}))
	return session.Env{Stdout: e.stdout, Stderr: e.stderr, Terminal: e.terminal, Width: e.width, Log: log, SSHConnection: e.ssh}
}
