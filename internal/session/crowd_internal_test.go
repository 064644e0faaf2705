// SPDX-License-Identifier: Apache-2.0

package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
	"github.com/boathook/boathook/internal/fault"
)

// here is a container in the network namespace of the test.
func here(name string) container.Container {
	return container.Container{Runtime: "docker", ID: "id-of-" + name, Name: name, PID: os.Getpid()}
}

func mustCrowd(tb testing.TB, t Targets) *crowd {
	tb.Helper()
	c, err := newCrowd(t, &enrich.Index{})
	qt.Assert(tb, qt.IsNil(err))
	return c
}

func TestCrowdCountsWhoMatched(t *testing.T) {
	t.Parallel()
	c := mustCrowd(t, Targets{Containers: []string{"web*"}})
	qt.Check(t, qt.IsTrue(c.nothingMatched()))
	for name, want := range map[string]bool{"web1": true, "web2": true, "db": false} {
		qt.Check(t, qt.Equals(c.admit(here(name)), want))
	}
	c.admit(here("web1"))
	qt.Check(t, qt.Equals(c.now(), 2))
	qt.Check(t, qt.Equals(c.names(), "web1, web2"))
	c.leave(here("web1"))
	c.leave(here("db"))
	qt.Check(t, qt.Equals(c.now(), 1))
	qt.Check(t, qt.Equals(c.ever(), 2))
	qt.Check(t, qt.IsFalse(c.nothingMatched()))
}

func TestCrowdForgetsWhoWasRenamed(t *testing.T) {
	t.Parallel()
	c := mustCrowd(t, Targets{Containers: []string{"web"}})
	renamed := here("web")
	qt.Check(t, qt.IsTrue(c.admit(renamed)))
	renamed.Name = "old"
	qt.Check(t, qt.IsFalse(c.admit(renamed)))
	qt.Check(t, qt.Equals(c.now(), 0))
	qt.Check(t, qt.Equals(c.ever(), 1))
}

func TestCrowdHoldsToTheNamespace(t *testing.T) {
	t.Parallel()
	c := mustCrowd(t, Targets{All: true, PIDs: []int{os.Getpid()}})
	qt.Check(t, qt.IsTrue(c.admit(here("web"))))
	qt.Check(t, qt.IsFalse(c.admit(container.Container{Runtime: "docker", ID: "elsewhere"})), qt.Commentf("nobody knows its namespace"))
}

func TestTitlesAreNamesWhereThereAreSome(t *testing.T) {
	t.Parallel()
	c := mustCrowd(t, Targets{All: true})
	nameless := here("")
	c.admit(here("web"))
	c.admit(nameless)
	qt.Check(t, qt.Equals(c.names(), "id-of-, web"))
	qt.Check(t, qt.Equals(c.title("interface/eth0"), "interface/eth0"))
}

func TestNothingMatchedIsExplained(t *testing.T) {
	t.Parallel()
	blue := filepath.Join(t.TempDir(), "blue")
	for _, test := range []struct {
		name       string
		targets    Targets
		there      []string
		text, hint string
	}{
		{"near names", Targets{Containers: []string{"wbe"}}, []string{"db", "web"}, `no container matches "wbe"`, "near it: web"},
		{"near one of several", Targets{Containers: []string{"zzzzzz,wbe"}}, []string{"web"}, `no container matches "zzzzzz,wbe"`, "near it: web"},
		{"nothing near", Targets{Containers: []string{"qqqqqqqq"}}, []string{"db", "web"}, `no container matches "qqqqqqqq"`, "there are: db, web"},
		{"nobody there", Targets{Containers: []string{"web"}}, nil, `no container matches "web"`, "boathook ps shows what there is"},
		{"all of nothing", Targets{All: true}, nil, "no container is running", "boathook ps shows what there is"},
		{"links", Targets{Interfaces: []string{"veth*"}}, nil, `no link matches "veth\*"`, "ip link shows the names"},
		{"namespaces", Targets{Netns: []string{blue}}, nil, `no network namespace is called ".*/blue"`, "ip netns list shows the names"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := mustCrowd(t, test.targets)
			for _, name := range test.there {
				qt.Check(t, qt.IsFalse(c.admit(here(name))))
			}
			checkFault(t, c.noMatch(test.targets), fault.CodeNoMatch, test.text, test.hint)
		})
	}
}

func TestManyOthersAreNotAllListed(t *testing.T) {
	t.Parallel()
	targets := Targets{Images: []string{"nginx"}}
	c := mustCrowd(t, targets)
	for i := range 20 {
		c.admit(here(string(rune('a' + i))))
	}
	checkFault(t, c.noMatch(targets), fault.CodeNoMatch, `no container matches "nginx"`, "there are: a, b, c, d, e, f, g, h")
}

func TestSelectorsThatMeanNothingAreUsageErrors(t *testing.T) {
	t.Parallel()
	_, err := newCrowd(Targets{Labels: []string{"a in ("}}, &enrich.Index{})
	qt.Check(t, qt.Equals(fault.Code(err), fault.CodeUsage))
}

func TestTapPassesWhatConcernsTheRun(t *testing.T) {
	t.Parallel()
	web, other, renamed := here("web"), here("db"), here("web")
	renamed.Name = "old"
	tap := &tap{crowd: mustCrowd(t, Targets{Containers: []string{"web"}}), synced: make(chan struct{}), Source: told{
		{Type: container.Added, Container: other},
		{Type: container.Added, Container: web},
		{Type: container.Synced},
		{Type: container.Degraded},
		{Type: container.Changed, Container: renamed},
		{Type: container.Synced},
		{Type: container.Removed, Container: renamed},
	}}
	var got []container.EventType
	qt.Assert(t, qt.IsNil(tap.Watch(t.Context(), func(e container.Event) {
		if e.Type == container.Synced && len(got) < 2 {
			qt.Check(t, qt.IsFalse(isClosed(tap.synced)), qt.Commentf("what is there is attached first"))
		}
		got = append(got, e.Type)
	})))
	qt.Check(t, qt.DeepEquals(got, []container.EventType{
		container.Added, container.Synced, container.Degraded, container.Removed, container.Synced, container.Removed,
	}))
	qt.Check(t, qt.IsTrue(isClosed(tap.synced)))
}
