// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/hook"
	"github.com/boathook/boathook/internal/netns"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
	"github.com/boathook/boathook/internal/testutil"
)

// burst is a source whose containers come and go all at once: half of them are
// there from the beginning.
type burst struct {
	containers []container.Container
	more, end  chan struct{} // closed when the others come, and when all go
}

func (*burst) Name() string { return "burst" }

func (b *burst) Watch(ctx context.Context, emit func(container.Event)) error {
	tell := func(kind container.EventType, list []container.Container) {
		for _, c := range list {
			emit(container.Event{Type: kind, Container: c})
		}
	}
	half := len(b.containers) / 2
	tell(container.Added, b.containers[:half])
	emit(container.Event{Type: container.Synced})
	for _, next := range []struct {
		when <-chan struct{}
		do   func()
	}{
		{b.more, func() { tell(container.Added, b.containers[half:]) }},
		{b.end, func() { tell(container.Removed, b.containers) }},
	} {
		select {
		case <-next.when:
			next.do()
		case <-ctx.Done():
			return nil
		}
	}
	<-ctx.Done()
	return nil
}

func newBurst(namespaces []*netns.NS) *burst {
	b := &burst{more: make(chan struct{}), end: make(chan struct{})}
	for i, ns := range namespaces {
		b.containers = append(b.containers, container.Container{
			Runtime: "burst", ID: strconv.Itoa(i), Name: "web" + strconv.Itoa(i), NetnsPath: testutil.Path(ns),
		})
	}
	return b
}

// Fifty containers at the start, fifty more at once, and the end of all.
func TestRunTakesBurstsOfContainers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	namespaces := testutil.Containers(t, w.ns, 100)
	source := newBurst(namespaces)
	cfg := w.config(t, "noevents", object.Want{})
	cfg.Format, cfg.For = session.None, time.Minute
	cfg.Targets, cfg.Sources = session.Targets{All: true}, []container.Source{source}

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- session.Run(ctx, cfg) }()
	told := func(line string) bool { return strings.Contains(w.stderr.String(), line) }
	testutil.Eventually(t, time.Minute, func() bool {
		select {
		case err := <-ended:
			testutil.SkipIfNotSupported(t, err)
			t.Fatalf("ended: %v", err)
		default:
		}
		return told("boathook: ready: 100 attachments, 50 containers\n")
	}, "those of the beginning are attached")
	close(source.more)
	testutil.Eventually(t, time.Minute, func() bool { return allHave(t, namespaces, 2) }, "the others are attached")
	close(source.end)
	testutil.Eventually(t, time.Minute, func() bool { return allHave(t, namespaces, 0) }, "all are detached")
	stop()
	qt.Assert(t, qt.IsNil(<-ended))
	qt.Check(t, qt.IsTrue(told("boathook: 200 attachments, 100 containers,")), qt.Commentf("%s", w.stderr.String()))
	// Not a line for each.
	qt.Check(t, qt.IsTrue(strings.Count(w.stderr.String(), "\n") < 10), qt.Commentf("%s", w.stderr.String()))
}

// allHave says whether there are so many programs on the link of each namespace.
func allHave(t *testing.T, namespaces []*netns.NS, programs int) bool {
	t.Helper()
	for _, ns := range namespaces {
		entries, err := hook.List(ns, testutil.Index(t, ns, "eth0"))
		qt.Assert(t, qt.IsNil(err))
		if len(entries) != programs {
			return false
		}
	}
	return true
}
