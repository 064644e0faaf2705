// SPDX-License-Identifier: Apache-2.0

package enrich_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/enrich"
)

// The last records of a container may still come soon after its end, and not later.
const (
	soon  = 9 * time.Second
	later = 11 * time.Second
)

func named(name string) container.Container {
	return container.Container{Runtime: "docker", ID: "id-of-" + name, Name: name}
}

// checkNames checks who lives in a network namespace.
func checkNames(tb testing.TB, x *enrich.Index, netns uint32, want ...string) {
	tb.Helper()
	var got []string
	for _, c := range x.Containers(netns) {
		got = append(got, c.Name)
	}
	qt.Check(tb, qt.DeepEquals(got, want))
}

func TestEmptyIndexKnowsNobody(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	checkNames(t, &x, 1)
	x.Remove(named("web"))
	checkNames(t, &x, 1)
}

func TestSharedNetnsListsByName(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	for _, name := range []string{"web", "db", "cache"} {
		x.Add(1, named(name))
	}
	x.Add(2, named("other"))
	checkNames(t, &x, 1, "cache", "db", "web")
	checkNames(t, &x, 2, "other")
}

func TestSameNamesOfTwoRuntimesKeepAnOrder(t *testing.T) {
	t.Parallel()
	first, second := named("web"), named("web")
	first.Runtime, second.Runtime = "cri", "docker"
	var x, y enrich.Index
	x.Add(1, first)
	x.Add(1, second)
	y.Add(1, second)
	y.Add(1, first)
	qt.Check(t, qt.DeepEquals(x.Containers(1), y.Containers(1)))
	qt.Check(t, qt.Equals(x.Containers(1)[0].Runtime, "cri"))
}

func TestRenameReplacesTheOldName(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	c := named("web")
	x.Add(1, c)
	before := x.Containers(1)
	c.Name = "web-old"
	x.Add(1, c)
	checkNames(t, &x, 1, "web-old")
	qt.Check(t, qt.Equals(before[0].Name, "web"), qt.Commentf("a list that was handed out stays as it was"))
}

func TestContainerThatMovesLeavesItsNetns(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	x.Add(1, named("web"))
	x.Add(2, named("web"))
	checkNames(t, &x, 1)
	checkNames(t, &x, 2, "web")
}

func TestRemovedContainersAreRememberedForTheirLastRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x enrich.Index
		x.Add(1, named("web"))
		x.Add(1, named("sidecar"))
		x.Remove(named("sidecar"))
		<-time.After(soon)
		checkNames(t, &x, 1, "sidecar", "web")
		<-time.After(later - soon)
		checkNames(t, &x, 1, "web")
	})
}

func TestRemovedTwiceIsForgottenAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x enrich.Index
		x.Add(1, named("web"))
		x.Add(1, named("sidecar"))
		x.Remove(named("web"))
		<-time.After(soon)
		x.Remove(named("web"))
		<-time.After(later - soon)
		checkNames(t, &x, 1, "sidecar")
	})
}

func TestReusedInodeBelongsToTheNewContainerAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x enrich.Index
		x.Add(1, named("old"))
		x.Remove(named("old"))
		x.Add(1, named("new"))
		checkNames(t, &x, 1, "new")
		<-time.After(later)
		checkNames(t, &x, 1, "new")
	})
}

func TestContainerThatComesBackStays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var x enrich.Index
		x.Add(1, named("web"))
		x.Remove(named("web"))
		x.Add(2, named("web"))
		<-time.After(later)
		checkNames(t, &x, 1)
		checkNames(t, &x, 2, "web")
	})
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var x enrich.Index
	var wg sync.WaitGroup
	for netns := range uint32(4) {
		wg.Go(func() {
			for range 200 {
				x.Add(netns, named("web"))
				x.Remove(named("web"))
				x.Containers(netns)
			}
		})
	}
	wg.Wait()
}

func BenchmarkContainers(b *testing.B) {
	var x enrich.Index
	x.Add(1, named("web"))
	x.Add(2, named("gone"))
	x.Remove(named("gone"))
	b.ReportAllocs()
	for b.Loop() {
		x.Containers(1)
	}
}
