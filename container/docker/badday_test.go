// SPDX-License-Identifier: Apache-2.0

package docker_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/container/containertest"
	"github.com/boathook/boathook/internal/testutil"
)

const eventTime = 20 * time.Second

func TestDaemonThatHangsAtFirstIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"_ping", "list", "events"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.breaks(part, f.hangs)
			err := f.source(t).Watch(t.Context(), noEvent(t))
			qt.Check(t, qt.ErrorIs(err, container.ErrUnavailable))
			qt.Check(t, qt.ErrorMatches(err, "watch docker at "+f.host+": .*no answer within 300ms"))
		})
	}
}

func TestContextEndsAWatchThatHangs(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"_ping", "list", "events", "x"} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.run("x", time.Now())
			f.breaks(part, f.hangs)
			source := f.source(t)
			source.SetTimings(time.Hour, time.Hour, time.Hour)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				defer cancel()
				testutil.Eventually(t, eventTime, func() bool { return f.count(part) > 0 }, "a call of "+part)
			}()
			qt.Check(t, qt.IsNil(source.Watch(ctx, noEvent(t))))
		})
	}
}

func TestGarbageAtFirstIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.breaks("list", garbles)
	err := f.source(t).Watch(t.Context(), noEvent(t))
	qt.Check(t, qt.ErrorIs(err, container.ErrUnavailable))
	qt.Check(t, qt.ErrorMatches(err, "watch docker at .*: list containers: .*"))
}

func TestGarbageAmongTheEventsIsALostConnection(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.run("x", time.Now())
	r := containertest.Watch(t, f.source(t))
	r.WaitSynced(t)
	f.sendText(t, "}garbage{")
	r.WaitEvents(t, 2, container.Synced, "")
	qt.Check(t, qt.DeepEquals(r.Types("x"), []container.EventType{container.Added}))
	qt.Check(t, qt.DeepEquals(r.Types(""),
		[]container.EventType{container.Synced, container.Degraded, container.Synced}))
}

func TestWhatHappenedWhileTheConnectionWasLost(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	start := time.Now()
	for _, id := range []string{"stays", "dies", "restarts"} {
		f.run(id, start)
	}
	r := containertest.Watch(t, f.source(t))
	r.WaitSynced(t)
	f.breaks("_ping", f.hangs)
	f.sendText(t, "")
	r.WaitEvents(t, 1, container.Degraded, "")
	f.stop("dies")
	f.run("restarts", start.Add(time.Second))
	f.run("comes", start)
	f.breaks("_ping", nil)
	r.WaitEvents(t, 2, container.Synced, "")
	qt.Check(t, qt.DeepEquals(r.Types("stays"), []container.EventType{container.Added}))
	qt.Check(t, qt.DeepEquals(r.Types("comes"), []container.EventType{container.Added}))
	qt.Check(t, qt.DeepEquals(r.Types("dies"), []container.EventType{container.Added, container.Removed}))
	qt.Check(t, qt.DeepEquals(r.Types("restarts"),
		[]container.EventType{container.Added, container.Removed, container.Added}))
}

func TestDaemonThatRefusesTheSubscriptionIsUnavailable(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.breaks("events", func(io.Writer) {})
	f.breaks("list", func(w io.Writer) {
		<-time.After(100 * time.Millisecond)
		_, _ = io.WriteString(w, "[]") // the reader may be gone
	})
	err := f.source(t).Watch(t.Context(), noEvent(t))
	qt.Check(t, qt.ErrorIs(err, container.ErrUnavailable))
	qt.Check(t, qt.ErrorMatches(err, "watch docker at .*: read events: unexpected EOF"))
}

func TestDaemonThatHangsUpAtOnceIsNotCalledAllTheTime(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	source := f.source(t)
	source.SetTimings(time.Second, time.Hour, 200*time.Millisecond)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	f.breaks("events", func(io.Writer) {})
	start := time.Now()
	f.sendText(t, "")
	testutil.Eventually(t, eventTime, func() bool { return f.count("events") == 4 }, "three more attempts")
	qt.Assert(t, qt.IsTrue(time.Since(start) > time.Second)) // 0.2 + 0.4 + 0.4
}

func TestContainerThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, id := range []string{"hangs", "a", "b"} {
		f.run(id, time.Now())
	}
	f.breaks("hangs", f.hangs)
	source := f.source(t)
	source.SetTimings(300*time.Millisecond, 50*time.Millisecond, time.Hour)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	known := r.Known()
	qt.Check(t, qt.Equals(known["a"].PID, 1))
	qt.Check(t, qt.Equals(known["b"].PID, 1))
	qt.Check(t, qt.Equals(known["hangs"].PID, 0))
	qt.Check(t, qt.Equals(known["hangs"].Name, "list-hangs"))
	f.breaks("hangs", nil)
	r.WaitEvents(t, 1, container.Changed, "hangs")
	qt.Check(t, qt.Equals(r.Known()["hangs"].PID, 1))
	qt.Check(t, qt.Equals(r.Known()["hangs"].Name, "name-hangs"))
}

func TestDeathNeedsNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	start := time.Now()
	f.run("x", start)
	r := containertest.Watch(t, f.source(t))
	r.WaitSynced(t)
	f.breaks("x", f.hangs)
	f.send(t, "die", "x", start.Add(time.Second))
	r.WaitGone(t, "x")
}

func TestDeathBeforeTheStartIsOld(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	start := time.Now()
	f.run("x", start)
	r := containertest.Watch(t, f.source(t))
	r.WaitSynced(t)
	f.send(t, "die", "x", start.Add(-time.Second))
	f.run("y", start)
	f.send(t, "start", "y", start)
	r.WaitKnown(t, "y")
	qt.Assert(t, qt.DeepEquals(r.Types("x"), []container.EventType{container.Added}))
}

func TestAnswerFromBeforeADeathIsIgnored(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	source := f.source(t)
	source.SetTimings(eventTime, time.Hour, time.Hour)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	start := time.Now()
	release := make(chan struct{})
	f.breaks("x", func(w io.Writer) {
		<-release
		_, _ = io.WriteString(w, `{"Id":"x","State":{"Running":true}}`) // the reader may be gone
	})
	f.send(t, "start", "x", start)
	testutil.Eventually(t, eventTime, func() bool { return f.count("x") == 1 }, "x is asked for")
	// The answer to the second question is still to come when the first arrives.
	f.breaks("x", f.hangs)
	f.send(t, "die", "x", start.Add(time.Millisecond))
	testutil.Eventually(t, eventTime, func() bool { return f.count("x") == 2 }, "x is asked for again")
	close(release)
	f.run("y", start)
	f.send(t, "start", "y", start)
	r.WaitKnown(t, "y")
	qt.Assert(t, qt.HasLen(r.Types("x"), 0))
}

func TestLostEventsAreMadeUpFor(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.run("dies", time.Now())
	source := f.source(t)
	source.SetTimings(time.Second, 20*time.Millisecond, time.Hour)
	r := containertest.Watch(t, source)
	r.WaitSynced(t)
	f.stop("dies")
	f.run("comes", time.Now())
	r.WaitGone(t, "dies")
	r.WaitKnown(t, "comes")
	qt.Assert(t, qt.DeepEquals(r.Types(""), []container.EventType{container.Synced}))
}

func TestMissingFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	f.put("x", `{"Id":"x","State":{"Running":true}}`)
	f.put("none", `{"Id":"none"}`)
	f.put("other", `{"Id":"somebody","State":{"Running":true}}`)
	r := containertest.Watch(t, f.source(t))
	r.WaitSynced(t)
	known := r.Known()
	x := known["x"]
	x.RuntimePID = 0
	qt.Check(t, qt.DeepEquals(x, container.Container{Runtime: "docker", ID: "x"}))
	qt.Check(t, qt.HasLen(r.Types("none"), 0))
	qt.Check(t, qt.Equals(known["other"].Name, "list-other"))
	for _, text := range []string{
		`{}`, `{"Type":"container"}`, `{"Type":"network"}`, `{"Type":"container","Action":"start"}`,
		`{"Type":"container","Action":"die","Actor":{"ID":"x"}}`,
	} {
		f.sendText(t, text)
	}
	f.stop("x")
	f.sendText(t, `{"Type":"container","Action":"die","Actor":{"ID":"x"}}`)
	r.WaitGone(t, "x")
}

func TestProcessIDsThatMayBeAnothersAreNotUsed(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	f := newFakeOn(t, listener)
	f.run("x", time.Now())
	c := containertest.Watch(t, f.source(t)).WaitKnown(t, "x")
	qt.Assert(t, qt.DeepEquals(c, container.Container{Runtime: "docker", ID: "x", Name: "name-x"}))
}
