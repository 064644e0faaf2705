// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/hook"
)

// verifierLines is how much of the verifier's log an error shows.
const verifierLines = 5

// explain gives an error of the Runtime a hint and an exit code.
func explain(cfg Config, err error) error {
	var refused *boathook.RefusedError
	var verifier *ebpf.VerifierError
	switch {
	case errors.As(err, &refused):
		return fault.Failure(refused.Hint, "%w", refused)
	case errors.As(err, &verifier):
		return rejected(cfg, verifier)
	case errors.Is(err, boathook.ErrNotSupported) && cfg.Backend == boathook.TCX:
		return fault.Failure("--backend clsact, or --backend auto", "this kernel has no TCX, which came with Linux 6.6")
	case errors.Is(err, boathook.ErrOrder):
		return fault.Failure("boathook ps shows the programs on the hooks with their ids", "%s", firstLine(err))
	case errors.Is(err, hook.ErrIngressQdisc):
		return fault.Failure("tc qdisc show dev LINK shows it; with Linux 6.6 or newer --backend tcx works beside it", "%s", firstLine(err))
	}
	return fault.Failure("", "%s", oneLine(err))
}

// rejected shows the end of the verifier's log, where the reason is.
func rejected(cfg Config, err *ebpf.VerifierError) error {
	lines := err.Log
	hint := "-v shows the whole log"
	if cfg.LogLevel != 0 {
		hint = ""
	} else if len(lines) > verifierLines {
		lines = lines[len(lines)-verifierLines:]
	}
	return fault.Failure(hint, "the kernel's verifier rejects a program of %s: %w\n  %s", cfg.Object.Path, err.Cause, strings.Join(lines, "\n  "))
}

// unreachable is the error when no source answers.
func unreachable(errs []error) error {
	if own, ok := errors.AsType[*fault.Error](errs[0]); ok && len(errs) == 1 {
		return own
	}
	return fault.Failure("start it, or name its socket with --runtime docker=SOCKET; for network namespaces use --netns", "no container runtime answers: %s", oneLine(errors.Join(errs...)))
}

// isStuck tells the failures to attach that waiting does not mend.
func isStuck(err error) bool {
	return errors.Is(err, boathook.ErrOrder) || errors.Is(err, hook.ErrIngressQdisc)
}

// firstLine is the first of several errors that say the same of several links.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// oneLine puts a chain of errors on one line.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}
