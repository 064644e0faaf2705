// SPDX-License-Identifier: Apache-2.0

package boathook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/testutil"
)

// script is a source that emits what the test tells it to.
type script chan container.Event

func (script) Name() string { return "script" }

func (s script) Watch(ctx context.Context, emit func(container.Event)) error {
	for {
		select {
		case e := <-s:
			emit(e)
		case <-ctx.Done():
			return nil
		}
	}
}

// follow runs Follow until the test ends.
func follow(t *testing.T, rt *boathook.Runtime, source container.Source, sel container.Selector) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { qt.Check(t, qt.IsNil(rt.Follow(ctx, source, sel))) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}

func (s site) container(id, name string) container.Container {
	return container.Container{Runtime: "script", ID: id, Name: name, NetnsPath: testutil.Path(s.inside)}
}

func TestFollowAttachesWhatTheSelectorPicks(t *testing.T) {
	t.Parallel()
	web, db := newSite(t), newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	source := make(script)
	follow(t, rt, source, container.Selector{Names: []string{"web*"}})
	has := func(inodes ...uint32) {
		t.Helper()
		testutil.Eventually(t, patience, func() bool {
			got := map[uint32]bool{}
			for _, a := range attachments(t, rt) {
				got[a.Netns] = true
			}
			for _, inode := range inodes {
				if !got[inode] {
					return false
				}
			}
			return len(got) == len(inodes)
		}, fmt.Sprintf("attached: %d", inodes))
	}
	source <- container.Event{Type: container.Added, Container: web.container("1", "web")}
	source <- container.Event{Type: container.Added, Container: db.container("2", "db")}
	source <- container.Event{Type: container.Synced}
	has(web.inside.Inode())
	source <- container.Event{Type: container.Changed, Container: db.container("2", "webdb")}
	has(web.inside.Inode(), db.inside.Inode())
	source <- container.Event{Type: container.Changed, Container: web.container("1", "old")}
	has(db.inside.Inode())
	source <- container.Event{Type: container.Removed, Container: container.Container{Runtime: "script", ID: "2"}}
	has()
}

func TestFollowTriesAgainWhatFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	testutil.Exec(t, s.inside, "tc", "qdisc", "add", "dev", "eth0", "ingress")
	notices := make(chan boathook.Notice, 100)
	rt := newRuntime(t, boathook.Options{
		Program: bothWays(verdictUnspec), Backend: boathook.Clsact,
		Notify: func(n boathook.Notice) {
			select {
			case notices <- n:
			default:
			}
		},
	})
	source := make(script)
	follow(t, rt, source, container.Selector{})
	source <- container.Event{Type: container.Synced}
	source <- container.Event{Type: container.Added, Container: s.container("1", "web")}
	n := <-notices
	qt.Check(t, qt.Equals(n.Target, "script/1"))
	qt.Check(t, qt.IsNotNil(n.Err))
	qt.Check(t, qt.HasLen(attachments(t, rt), 0))
	testutil.Exec(t, s.inside, "tc", "qdisc", "del", "dev", "eth0", "ingress")
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) == 2 }, "the retry attaches")
}

// The race detector watches: every method from many goroutines, Close among them.
func TestMethodsFromManyGoroutines(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	target := s.hosted(t, "0")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			one := target
			one.ID = fmt.Sprint(i)
			for range 5 {
				_ = rt.Add(context.Background(), one)
				_, _ = rt.Attachments()
				_, _ = rt.Totals()
				_ = rt.Links(s.inside.Inode())
				if i == 0 {
					_ = rt.Replace(context.Background(), bothWays(verdictShot))
				}
				_ = rt.Remove(one.ID)
			}
			if i == 7 {
				_ = rt.Close()
			}
		})
	}
	wg.Wait()
	qt.Assert(t, qt.IsNil(rt.Close()))
}

func TestContainerThatGoesBeforeTheListIsCompleteIsNotAttached(t *testing.T) {
	t.Parallel()
	web, db := newSite(t), newSite(t)
	rt := newRuntime(t, boathook.Options{Program: bothWays(verdictUnspec)})
	source := make(script)
	follow(t, rt, source, container.Selector{})
	source <- container.Event{Type: container.Added, Container: web.container("1", "web")}
	source <- container.Event{Type: container.Added, Container: db.container("2", "db")}
	source <- container.Event{Type: container.Removed, Container: web.container("1", "web")}
	source <- container.Event{Type: container.Synced}
	testutil.Eventually(t, patience, func() bool { return len(attachments(t, rt)) > 0 }, "the other attached")
	qt.Check(t, qt.DeepEquals(attachments(t, rt)[0].Targets, []string{"script/2"}))
	qt.Check(t, qt.HasLen(attachments(t, rt), 2))
}
