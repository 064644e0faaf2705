// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil"
)

// named gives fresh network namespaces names in a folder of the test's own.
func named(tb testing.TB, names ...string) (dir string) {
	tb.Helper()
	dir = tb.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		qt.Assert(tb, qt.IsNil(os.WriteFile(path, nil, 0o600)))
		qt.Assert(tb, qt.IsNil(unix.Mount(testutil.Path(testutil.Netns(tb)), path, "", unix.MS_BIND, "")))
		tb.Cleanup(func() { qt.Check(tb, qt.IsNil(unix.Unmount(path, unix.MNT_DETACH))) })
	}
	return dir
}

func TestListIsSortedAndOnlyWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	runtimes := []string{"netns=" + named(t, "web-2", "db", "web-1")}
	for _, test := range []struct {
		targets session.Targets
		want    []string
	}{
		{session.Targets{Runtimes: runtimes}, []string{"db", "web-1", "web-2"}},
		{session.Targets{Runtimes: runtimes, Containers: []string{"web*"}}, []string{"web-1", "web-2"}},
		{session.Targets{Runtimes: runtimes, Interfaces: []string{"eth0"}}, []string{"db", "web-1", "web-2"}},
	} {
		list, err := session.List(t.Context(), test.targets)
		qt.Assert(t, qt.IsNil(err))
		var names []string
		for _, c := range list.Containers {
			names = append(names, c.Name)
		}
		qt.Check(t, qt.DeepEquals(names, test.want))
		qt.Check(t, qt.HasLen(list.Failures, 0))
	}
}

func TestListTellsWhichRuntimesDoNotAnswer(t *testing.T) {
	t.Parallel()
	nobody := "docker=" + filepath.Join(t.TempDir(), "no.sock")
	list, err := session.List(t.Context(), session.Targets{Runtimes: []string{nobody, "netns=" + named(t, "web")}})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(list.Containers, 1))
	qt.Check(t, qt.HasLen(list.Failures, 1))

	_, err = session.List(t.Context(), session.Targets{Runtimes: []string{nobody}})
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeFailure))
	_, err = session.List(t.Context(), session.Targets{Runtimes: []string{"netns=" + t.TempDir()}, Containers: []string{"web"}})
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeNoMatch))
	_, err = session.List(t.Context(), session.Targets{Runtimes: []string{"netns=" + t.TempDir()}})
	qt.Check(t, qt.IsNil(err))
}
