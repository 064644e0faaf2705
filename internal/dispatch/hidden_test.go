// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/dispatch"
	"github.com/boathook/boathook/internal/testutil"
)

// withoutSyslog runs fn on a thread that may not see the kernel's symbols. The
// thread ends with fn.
func withoutSyslog(fn func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		err := unix.Capget(&hdr, &caps[0])
		if err == nil {
			caps[unix.CAP_SYSLOG/32].Effective &^= 1 << (unix.CAP_SYSLOG % 32)
			err = unix.Capset(&hdr, &caps[0])
		}
		if err == nil {
			err = fn()
		}
		done <- err
	}()
	return <-done
}

// A program whose calls have no names cannot be judged, not even with writes allowed.
func TestLoadedProgramIsRefusedWhereSymbolsAreHidden(t *testing.T) {
	t.Parallel()
	spec := program(asm.FnKtimeGetNs.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return())
	for name, opts := range map[string]dispatch.SourceOptions{"observe": {}, "writes allowed": {AllowWrites: true}} {
		err := withoutSyslog(func() error {
			text, err := os.ReadFile("/proc/kallsyms")
			if err != nil || !strings.HasPrefix(string(text), strings.Repeat("0", 16)) {
				return errors.Join(err, errors.ErrUnsupported) // kernel.perf_event_paranoid is below 2
			}
			prog, err := ebpf.NewProgram(spec.Programs["prog"].Copy())
			if err != nil {
				return err
			}
			_, err = dispatch.NewLoadedSource(map[string]*ebpf.Program{"theirs": prog}, opts)
			return errors.Join(err, prog.Close())
		})
		testutil.SkipIfNotSupported(t, err)
		var refused *dispatch.RefusedError
		qt.Assert(t, qt.IsTrue(errors.As(err, &refused)), qt.Commentf("%s: %v", name, err))
		qt.Check(t, qt.StringContains(refused.Reason, "kernel.kptr_restrict"))
		qt.Check(t, qt.Equals(refused.Hint, "sysctl kernel.kptr_restrict=1"))
	}
}

// What observe needs to see of a program that it loads itself needs no symbols.
func TestProgramsAreCheckedWhereSymbolsAreHidden(t *testing.T) {
	t.Parallel()
	for want, insns := range map[string]asm.Instructions{
		"": {asm.FnKtimeGetNs.Call(), asm.Mov.Imm(asm.R0, 0), asm.Return()},
		"program prog writes to the packet directly": writesPacket(),
	} {
		err := withoutSyslog(func() error {
			source, err := dispatch.NewSource(program(insns...), []string{"prog"}, dispatch.SourceOptions{})
			if err != nil {
				return err
			}
			load, err := dispatch.NewLoad(source, "prog", dispatch.LoadOptions{})
			if err != nil {
				return errors.Join(err, source.Close())
			}
			return errors.Join(load.Close(), source.Close())
		})
		if want == "" {
			qt.Check(t, qt.IsNil(err))
			continue
		}
		qt.Check(t, qt.ErrorMatches(err, want))
	}
}
