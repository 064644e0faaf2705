// SPDX-License-Identifier: Apache-2.0

package object_test

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// mustOpen reads an object of testdata.
func mustOpen(tb testing.TB, name string) *object.Object {
	tb.Helper()
	o, err := object.Open(testutil.ObjectPath(tb, name))
	qt.Assert(tb, qt.IsNil(err))
	return o
}

// withPrograms is an object with programs in the sections given by name.
func withPrograms(sections map[string]string) *object.Object {
	spec := &ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{}, Maps: map[string]*ebpf.MapSpec{}}
	for name, section := range sections {
		spec.Programs[name] = &ebpf.ProgramSpec{Name: name, SectionName: section, Type: ebpf.SchedCLS}
	}
	return &object.Object{Path: "made.o", Spec: spec}
}

// checkUsage checks that err is one of the command line, with that text and hint.
func checkUsage(tb testing.TB, err error, text, hint string) {
	tb.Helper()
	qt.Assert(tb, qt.ErrorMatches(err, text))
	qt.Check(tb, qt.Matches(fault.Hint(err), hint))
	qt.Check(tb, qt.Equals(fault.Code(err), fault.CodeUsage))
}
