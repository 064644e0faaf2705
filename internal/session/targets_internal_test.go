// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"path/filepath"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
)

func TestSplitCommas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ values, want []string }{
		{nil, nil},
		{[]string{""}, nil},
		{[]string{"web"}, []string{"web"}},
		{[]string{"web,db", " cache "}, []string{"web", "db", "cache"}},
		{[]string{",web,,"}, []string{"web"}},
	} {
		qt.Check(t, qt.DeepEquals(splitCommas(test.values), test.want))
	}
}

func TestEmptyTargetsAskForNothing(t *testing.T) {
	t.Parallel()
	qt.Check(t, qt.IsTrue(Targets{}.Empty()))
	qt.Check(t, qt.IsTrue(Targets{Runtimes: []string{"docker"}}.Empty()), qt.Commentf("a runtime is no target"))
	for _, targets := range []Targets{
		{Containers: []string{"web"}},
		{Images: []string{"nginx"}},
		{Labels: []string{"a=b"}},
		{Netns: []string{"blue"}},
		{PIDs: []int{1}},
		{Interfaces: []string{"veth*"}},
		{All: true},
	} {
		qt.Check(t, qt.IsFalse(targets.Empty()))
	}
}

func TestRuntimesAreAskedByName(t *testing.T) {
	t.Parallel()
	names := func(named ...string) []string {
		list, err := Sources(named)
		qt.Assert(t, qt.IsNil(err))
		var found []string
		for _, source := range list {
			found = append(found, source.Name())
		}
		return found
	}
	qt.Check(t, qt.DeepEquals(names(), []string{"docker", "netns"}))
	qt.Check(t, qt.DeepEquals(names("netns"), []string{"netns"}))
	qt.Check(t, qt.DeepEquals(names("docker=/run/other.sock,netns=/run/other"), []string{"docker", "netns"}))
}

func TestUnknownRuntimesAreUsageErrors(t *testing.T) {
	t.Parallel()
	_, err := Sources([]string{"docker,crio"})
	checkFault(t, err, fault.CodeUsage, `unknown runtime "crio"`, "runtimes: docker, netns")
	_, err = Sources([]string{","})
	checkFault(t, err, fault.CodeUsage, `--runtime without a name`, "runtimes: docker, netns")
}

func TestInterfacesAreNamesAndGlobs(t *testing.T) {
	t.Parallel()
	wants, err := Targets{Interfaces: []string{"veth*,eth0", "br-?"}}.HostLink()
	qt.Assert(t, qt.IsNil(err))
	for name, want := range map[string]bool{"veth12": true, "eth0": true, "br-1": true, "eth01": false, "br-12": false, "": false} {
		qt.Check(t, qt.Equals(wants(name), want), qt.Commentf("%s", name))
	}
	wants, err = Targets{}.HostLink()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(wants == nil), qt.Commentf("all"))
}

func TestBrokenGlobsAreUsageErrors(t *testing.T) {
	t.Parallel()
	for _, glob := range []string{"[", "veth[0-", `veth\`, "eth0,["} {
		_, err := Targets{Interfaces: []string{glob}}.HostLink()
		checkFault(t, err, fault.CodeUsage, "--interface .*: syntax error in pattern", "a name, or a glob such as 'veth.'")
	}
}

func TestSourcesOfNamespacesAndProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list, err := Targets{Netns: []string{filepath.Join(dir, "blue"), filepath.Join(dir, "red"), "/proc/1/ns/net"}}.sources()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(list, 2), qt.Commentf("a process, and one folder for two names"))
	qt.Check(t, qt.Equals(list[0], container.Source(processSource{pid: 1})))

	list, err = Targets{PIDs: []int{1, 2}}.sources()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(slices.Equal(list, []container.Source{processSource{pid: 1}, processSource{pid: 2}})))

	list, err = Targets{Interfaces: []string{"eth0"}}.sources()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(list, 0), qt.Commentf("links need nobody to name them"))
}

func TestPickedNamesOnly(t *testing.T) {
	t.Parallel()
	source := picked{
		Source: told{
			{Type: container.Added, Container: container.Container{ID: "blue"}},
			{Type: container.Added, Container: container.Container{ID: "red"}},
			{Type: container.Synced},
		},
		names: []string{"blue"},
	}
	var got []string
	qt.Assert(t, qt.IsNil(source.Watch(t.Context(), func(e container.Event) { got = append(got, e.Container.ID) })))
	qt.Check(t, qt.DeepEquals(got, []string{"blue", ""}))
}

// A list is asked for once, so that a source that ends must have told all.
func TestSnapshotOfASourceThatNeverSaysSo(t *testing.T) {
	t.Parallel()
	_, err := snapshot(context.Background(), told{}, func(container.Container) bool { return true })
	qt.Check(t, qt.ErrorMatches(err, "told does not answer: .*"))
	qt.Check(t, qt.ErrorIs(err, container.ErrUnavailable))
}
