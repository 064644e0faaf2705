// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/testutil"
)

// pinFolder is an empty folder on a bpf filesystem of the test's own.
func pinFolder(tb testing.TB) string {
	tb.Helper()
	root := tb.TempDir()
	err := unix.Mount("bpf", root, "bpf", 0, "")
	testutil.SkipIfNotSupported(tb, err)
	qt.Assert(tb, qt.IsNil(err))
	tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Unmount(root, 0))) })
	dir := filepath.Join(root, "maps") // without the kernel's own files
	qt.Assert(tb, qt.IsNil(os.Mkdir(dir, 0o700)))
	return dir
}

func pinsIn(tb testing.TB, dir string) []string {
	tb.Helper()
	files, err := filepath.Glob(dir + "/*")
	qt.Assert(tb, qt.IsNil(err))
	return files
}

// pinning counts by the object whose map asks for pinning; a broken one is
// rejected by the verifier.
func pinning(tb testing.TB) (good, broken boathook.Program) {
	tb.Helper()
	spec := testutil.Object(tb, "pinned")
	prog := spec.Programs[first(tb, "pinned")]
	prog.Instructions = append(prog.Instructions[:len(prog.Instructions)-1], asm.Mov.Reg(asm.R0, asm.R5), asm.Return())
	return objectBothWays(testutil.Object(tb, "pinned"), prog.Name), objectBothWays(spec, prog.Name)
}

func TestMapsArePinnedOnlyIfAllElseWorks(t *testing.T) {
	t.Parallel()
	dir := pinFolder(t)
	good, broken := pinning(t)
	_, err := boathook.New(boathook.Options{Program: broken, PinPath: dir})
	qt.Check(t, qt.IsNotNil(err))
	qt.Check(t, qt.HasLen(pinsIn(t, dir), 0))

	second := good
	second.Spec = good.Spec.Copy()
	second.Egress = "broken"
	second.Spec.Programs["broken"] = broken.Spec.Programs[broken.Egress]
	_, err = boathook.New(boathook.Options{Program: second, PinPath: dir})
	qt.Check(t, qt.IsNotNil(err))
	qt.Check(t, qt.HasLen(pinsIn(t, dir), 0), qt.Commentf("the first of two programs was good"))

	rt := newRuntime(t, boathook.Options{Program: good, PinPath: dir})
	qt.Check(t, qt.HasLen(pinsIn(t, dir), 1))
	qt.Check(t, qt.IsNotNil(rt.Replace(context.Background(), second)))
	qt.Assert(t, qt.IsNil(rt.Close()))
	qt.Check(t, qt.HasLen(pinsIn(t, dir), 1), qt.Commentf("what worked stays for others"))

	_, err = boathook.New(boathook.Options{Program: broken, PinPath: dir})
	qt.Check(t, qt.IsNotNil(err))
	qt.Check(t, qt.HasLen(pinsIn(t, dir), 1), qt.Commentf("it was there before"))
}

func TestAPinnedMapKeepsItsContents(t *testing.T) {
	t.Parallel()
	dir := pinFolder(t)
	good, _ := pinning(t)
	rt := newRuntime(t, boathook.Options{Program: good, PinPath: dir})
	qt.Assert(t, qt.IsNil(rt.Maps()["shared_by_mark"].Put(uint32(7), uint64(42))))
	qt.Assert(t, qt.IsNil(rt.Close()))
	again := newRuntime(t, boathook.Options{Program: good, PinPath: dir})
	var n uint64
	qt.Assert(t, qt.IsNil(again.Maps()["shared_by_mark"].Lookup(uint32(7), &n)))
	qt.Check(t, qt.Equals(n, 42))
}
