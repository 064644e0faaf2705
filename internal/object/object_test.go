// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/testutil"
)

func TestOpenSaysWhatIsWrongWithTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := object.Open(filepath.Join(dir, "none.o"))
	qt.Check(t, qt.ErrorMatches(err, "read object: open .*none.o: no such file or directory"))
	qt.Check(t, qt.IsTrue(errors.Is(err, fs.ErrNotExist)))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))

	_, err = object.Open(dir)
	qt.Check(t, qt.ErrorMatches(err, ".* is not an ELF file"))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
}

func TestAPipeWithoutAWriterIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	qt.Assert(t, qt.IsNil(unix.Mkfifo(path, 0o600)))
	_, err := object.Open(path)
	qt.Check(t, qt.ErrorMatches(err, ".*pipe is not an ELF file"))
}

func TestReadRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ content, want string }{
		"empty":     {"", "x.o is not an ELF file"},
		"short":     {"\x7fEL", "x.o is not an ELF file"},
		"source":    {"#include <linux/bpf.h>", "x.o is not an ELF file"},
		"cut off":   {"\x7fELF\x02\x01\x01", "read object x.o: .*"},
		"no header": {"\x7fELF" + string(make([]byte, 100)), "read object x.o: .*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := object.Read(bytes.NewReader([]byte(test.content)), "x.o")
			qt.Assert(t, qt.ErrorMatches(err, test.want))
			qt.Check(t, qt.Matches(fault.Hint(err), ".*clang.*-target bpf.*"))
			qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
		})
	}
}

func TestReadRefusesProgramsForThisMachine(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	_, err = object.Open(self)
	qt.Check(t, qt.ErrorMatches(err, "read object .*: unexpected machine type for BPF ELF: .*"))
	qt.Check(t, qt.Equals(fault.Hint(err), "an object of clang -target bpf is wanted"))
}

// trap is a file that makes its reader panic once the first bytes are read.
type trap struct{}

func (trap) ReadAt(to []byte, at int64) (int, error) {
	if at == 0 && len(to) == 4 {
		return copy(to, "\x7fELF"), nil
	}
	panic("beyond the end")
}

func TestReadTurnsPanicsOfTheParserIntoErrors(t *testing.T) {
	t.Parallel()
	_, err := object.Read(trap{}, "x.o")
	qt.Assert(t, qt.ErrorMatches(err, "read object x.o: .*beyond the end"))
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
}

// Whatever a file holds, reading it and asking it ends in an answer or an error.
func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob(filepath.Join(filepath.Dir(testutil.ObjectPath(f, "dropall")), "*.o"))
	qt.Assert(f, qt.IsNil(err))
	for _, path := range paths {
		content, err := os.ReadFile(path)
		qt.Assert(f, qt.IsNil(err))
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		o, err := object.Read(bytes.NewReader(content), "fuzz.o")
		if err != nil {
			qt.Assert(t, qt.Equals(fault.Code(err), fault.CodeFailure))
			return
		}
		_, _ = o.Choose(object.Want{AsSchedCLS: true}) // an answer or an error
		for name := range o.Spec.Maps {
			_ = o.MapSet(name + ":1=1")
			_ = o.Tail(name + "[0]=x")
		}
		for name := range o.Spec.Variables {
			_ = o.Set(name + "=1")
		}
	})
}
