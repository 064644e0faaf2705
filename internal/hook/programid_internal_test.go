// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestProgramsIDIsTheKernels(t *testing.T) {
	t.Parallel()
	prog := mustProgram(t)
	info, err := prog.Info()
	qt.Assert(t, qt.IsNil(err))
	want, ok := info.ID()
	qt.Assert(t, qt.IsTrue(ok))

	got, ok := idOfFile(prog.FD())
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(got, want))
	got, err = make(programIDs).of(prog)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))
}

func TestProgramsIDIsAskedForOncePerBurst(t *testing.T) {
	t.Parallel()
	prog := mustProgram(t)
	ids := make(programIDs)
	want, err := ids.of(prog)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(prog.Close()))
	got, err := ids.of(prog) // the kernel has no answer any more
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, want))
}

func TestIDOfNoProgram(t *testing.T) {
	t.Parallel()
	_, ok := idOfFile(-1)
	qt.Check(t, qt.IsFalse(ok))
	prog := mustProgram(t)
	qt.Assert(t, qt.IsNil(prog.Close()))
	_, err := make(programIDs).of(prog)
	qt.Check(t, qt.ErrorMatches(err, "ask for the program's id: .*"))
}
