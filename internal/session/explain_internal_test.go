// SPDX-License-Identifier: Apache-2.0

package session

import (
	"errors"
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/object"
)

func TestVerifiersReasonIsShownWithoutTheRest(t *testing.T) {
	t.Parallel()
	cfg := Config{Object: &object.Object{Path: "prog.o"}}
	verifier := &ebpf.VerifierError{Cause: unix.EACCES, Log: []string{"0", "1", "2", "3", "invalid access", "R1 is bad", "processed 2 insns"}}
	err := explain(cfg, fmt.Errorf("load program: %w", verifier))
	checkFault(t, err, fault.CodeFailure,
		"the kernel's verifier rejects a program of prog.o: permission denied\n  2\n  3\n  invalid access\n  R1 is bad\n  processed 2 insns",
		"-v shows the whole log")
	qt.Check(t, qt.ErrorIs(err, error(unix.EACCES)))

	cfg.LogLevel = ebpf.LogLevelBranch
	checkFault(t, explain(cfg, verifier), fault.CodeFailure, "(?s).*: permission denied\n  0\n  1\n.*processed 2 insns", "")
}

func TestErrorsOfTheRuntimeGetHints(t *testing.T) {
	t.Parallel()
	refused := &boathook.RefusedError{Program: "drop", Reason: "calls bpf_redirect", Hint: "--allow-writes"}
	checkFault(t, explain(Config{}, fmt.Errorf("new: %w", refused)), fault.CodeFailure, ".*drop.*calls bpf_redirect", "--allow-writes")
	checkFault(t, explain(Config{Backend: boathook.TCX}, fmt.Errorf("probe: %w", boathook.ErrNotSupported)), fault.CodeFailure,
		"this kernel has no TCX, which came with Linux 6.6", "--backend clsact, or --backend auto")
	several := errors.Join(fmt.Errorf("link eth0: %w", boathook.ErrOrder), fmt.Errorf("link eth1: %w", boathook.ErrOrder))
	checkFault(t, explain(Config{}, several), fault.CodeFailure, "link eth0: order not possible", "boathook ps .*")
	checkFault(t, explain(Config{}, fmt.Errorf("link eth0: %w", hook.ErrIngressQdisc)), fault.CodeFailure, "link eth0: .*", "tc qdisc show .*")
	checkFault(t, explain(Config{}, errors.Join(errors.New("one"), errors.New("two"))), fault.CodeFailure, "one; two", "")
}

func TestRuntimesThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	one := fmt.Errorf("docker: %w", container.ErrUnavailable)
	checkFault(t, unreachable([]error{one, errors.New("netns: gone")}), fault.CodeFailure,
		"no container runtime answers: docker: .*; netns: gone", ".*--runtime docker=SOCKET.*")
	own := fault.Failure("ps -e", "no process 5")
	checkFault(t, unreachable([]error{own}), fault.CodeFailure, "no process 5", "ps -e")
}
